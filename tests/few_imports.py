"""Lightning without what torchmetrics, which it imports, would import beside it because it happens to be installed.

`transformers` and `scipy.signal` take longer than Lightning itself, and who trains need not have them; here they are
installed for other tests, which go on finding them.
"""

from lightning_utilities.core import imports

LEFT_OUT = ("transformers", "scipy")

_available, _check = imports.package_available, imports.RequirementCache._check_requirement


def _available_less(name: str) -> bool:
    return name not in LEFT_OUT and _available(name)


def _check_less(self: imports.RequirementCache) -> None:
    if str(self.requirement).startswith(LEFT_OUT):
        self.available, self.message = False, f"{self.requirement} is left out"
    else:
        _check(self)


# For whatever this process imports from now on.
imports.package_available = _available_less
imports.RequirementCache._check_requirement = _check_less  # type: ignore[method-assign]
