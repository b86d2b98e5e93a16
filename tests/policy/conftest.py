import copy

import pytest
import yaml

from glassbed.policy.pack import PackRefused, find, load

TREE = yaml.load(find("house").read_text(), Loader=yaml.CSafeLoader)


@pytest.fixture
def write(tmp_path):
    """Write a pack from text, or from the house's tree changed by a function."""

    def written(change):
        file = tmp_path / "policy.yaml"
        if isinstance(change, str):
            file.write_text(change)
        else:
            tree = copy.deepcopy(TREE)
            change(tree)
            file.write_text(yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False))
        return file

    return written


@pytest.fixture
def changed(write):
    """The house's pack, changed by a function."""
    return lambda change: load(write(change))


@pytest.fixture(scope="session")
def refused():
    """The faults for which a file is refused."""

    def faults(file):
        with pytest.raises(PackRefused) as refusal:
            load(file)
        assert str(refusal.value) == "\n".join(map(str, refusal.value.faults))
        return refusal.value.faults

    return faults
