"""One outside technology a module, each behind a port."""
