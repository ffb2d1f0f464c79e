"""May we: pre-trade checks, circuit breakers and the live guard. Pure; doubt is refusal."""
