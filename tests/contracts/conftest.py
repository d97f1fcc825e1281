import pytest

# The batteries are no test modules themselves; without this their failures would not say why.
for battery in ("hearing", "entries", "groups", "point_store"):
    pytest.register_assert_rewrite(f"contracts.{battery}")
