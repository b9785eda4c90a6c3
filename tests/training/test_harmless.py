"""No code out of a checkpoint is run: what could bring some is refused before it is opened."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from schemas.runtime import Runtime
from schemas.values import UserError
from tasks.import_model import ImportParams, ImportRuntime, import_model
from tests.stages import one_line
from training.checkpoint import load_model, load_processor


class Trap:
    """An object that makes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self._sprung = sprung

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._sprung),)


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "checkpoint")


def imported(folder: Path, tmp_path: Path) -> None:
    runtime = ImportRuntime(**Runtime(store=str(tmp_path / "store")).model_dump(), folder=str(folder))
    import_model.fn(ImportParams(revision="local"), runtime)


def test_harmless_checkpoint_is_imported_and_loaded(folder: Path, tmp_path: Path) -> None:
    imported(folder, tmp_path)
    load_processor(folder)
    assert load_model(folder)


def test_pickled_weights_are_refused_and_never_opened(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.safetensors"):
        path.unlink()
    torch.save({"weights": Trap(tmp_path / "sprung")}, folder / "pytorch_model.bin")
    for use in (lambda: load_model(folder), lambda: imported(folder, tmp_path)):
        with pytest.raises(UserError) as refused:
            use()
        assert "holds no weights as safetensors" in one_line(refused.value)
    assert not (tmp_path / "sprung").exists()


def test_pickled_weights_beside_safetensors_are_left_alone(folder: Path, tmp_path: Path) -> None:
    torch.save({"weights": Trap(tmp_path / "sprung")}, folder / "pytorch_model.bin")
    load_model(folder)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("settings", ["config.json", "tokenizer_config.json", "processor_config.json"])
def test_checkpoint_that_names_code_of_its_own_is_refused(folder: Path, tmp_path: Path, settings: str) -> None:
    (folder / "evil.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'sprung')!r})\n")
    path = folder / settings
    kinds = {"AutoConfig": "evil.Config", "AutoTokenizer": ["evil.Tokenizer", None], "AutoModel": "evil.Model"}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": kinds}))
    for use in (lambda: load_model(folder), lambda: imported(folder, tmp_path)):
        with pytest.raises(UserError) as refused:
            use()
        assert f"{settings} has an auto_map" in one_line(refused.value)
    assert not (tmp_path / "sprung").exists()
