"""REHEARSE: a local exchange that speaks Upbit, Bithumb and Binance, with faults on demand."""
