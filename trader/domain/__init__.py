"""What things are: pure value types and the arithmetic on them. No I/O, no clock, no logging."""
