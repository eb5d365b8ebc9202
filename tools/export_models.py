"""Writes tiny models of well-known architectures, as today's torch exporter spells them.

    python -m venv torch && torch/bin/pip install torch==2.13.0 transformers onnx onnxscript
    torch/bin/python tools/export_models.py FOLDER
    torch/bin/python tools/export_models.py FOLDER --only 'bert|vit' --opsets 17

Random weights from fixed seeds, fixed shapes, less than a megabyte each: NAME__opNN.onnx with the
inputs in NAME__opNN.npz. Where the exporter cannot write a valid model at 17 it is of opset 18; the
name still says 17. For development: nothing in the project needs torch.
"""

import argparse
import logging
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import transformers
from torch import nn

OPSETS = (17, 23)
LARGEST = 1_000_000
TEXT = {"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
DECODER = TEXT | {
    "intermediate_size": 64,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "use_cache": False,
}
VISION = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}
Made = tuple[nn.Module, dict[str, torch.Tensor]]


def tokens(length: int = 16) -> torch.Tensor:
    """A sentence of random words."""
    return torch.randint(1, 100, (1, length))


def image(size: int = 32) -> torch.Tensor:
    """A random picture."""
    return torch.rand(1, 3, size, size)


def bert() -> Made:
    """An encoder with learnt positions and a mask of its inputs."""
    config = transformers.BertConfig(**TEXT, intermediate_size=64, max_position_embeddings=64)
    ids = tokens()
    return transformers.BertModel(config), {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
    }


def t5() -> Made:
    """An encoder with relative positions."""
    config = transformers.T5Config(
        vocab_size=100,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        attn_implementation="eager",  # torch 2.13 cannot export the other
    )
    return transformers.T5EncoderModel(config), {"input_ids": tokens()}


def gpt2() -> Made:
    """A decoder with learnt positions."""
    config = transformers.GPT2Config(
        vocab_size=100, n_embd=32, n_layer=2, n_head=4, n_positions=64, use_cache=False
    )
    return transformers.GPT2LMHeadModel(config), {"input_ids": tokens()}


def llama() -> Made:
    """A decoder with rotary positions, RMSNorm and grouped heads."""
    config = transformers.LlamaConfig(**DECODER)
    return transformers.LlamaForCausalLM(config), {"input_ids": tokens()}


def llama_eager() -> Made:
    """The same with attention written out."""
    config = transformers.LlamaConfig(**DECODER, attn_implementation="eager")
    return transformers.LlamaForCausalLM(config), {"input_ids": tokens()}


def qwen3() -> Made:
    """A decoder that normalises queries and keys."""
    config = transformers.Qwen3Config(**DECODER, head_dim=8)
    return transformers.Qwen3ForCausalLM(config), {"input_ids": tokens()}


def hunyuan() -> Made:
    """Tencent's dense decoder."""
    config = transformers.HunYuanDenseV1Config(**DECODER, head_dim=8)
    return transformers.HunYuanDenseV1ForCausalLM(config), {"input_ids": tokens()}


def deepseek_v3() -> Made:
    """Latent attention, and experts of which some are chosen for each token."""
    config = transformers.DeepseekV3Config(
        **(DECODER | {"num_key_value_heads": 4}),
        moe_intermediate_size=32,
        n_routed_experts=4,
        num_experts_per_tok=2,
        n_shared_experts=1,
        n_group=2,
        topk_group=1,
        first_k_dense_replace=1,
        kv_lora_rank=16,
        q_lora_rank=16,
        qk_nope_head_dim=8,
        qk_rope_head_dim=8,
        v_head_dim=8,
        experts_implementation="batched_mm",
    )
    return transformers.DeepseekV3ForCausalLM(config), {"input_ids": tokens(8)}


def mamba() -> Made:
    """A state space model, its scan unrolled."""
    config = transformers.MambaConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        state_size=8,
        expand=2,
        use_cache=False,
        use_mambapy=False,
    )
    return transformers.MambaForCausalLM(config), {"input_ids": tokens(8)}


def vit() -> Made:
    """Patches through an encoder."""
    return transformers.ViTModel(transformers.ViTConfig(**VISION)), {"pixel_values": image()}


def dinov2() -> Made:
    """Patches with scaled residuals."""
    names = {k: v for k, v in VISION.items() if k != "intermediate_size"}
    config = transformers.Dinov2Config(**names, mlp_ratio=2)
    return transformers.Dinov2Model(config), {"pixel_values": image()}


def clip_vision() -> Made:
    """Patches with quick GELU."""
    config = transformers.CLIPVisionConfig(**VISION)
    return transformers.CLIPVisionModel(config), {"pixel_values": image()}


def swin() -> Made:
    """Shifted windows with masks and relative positions."""
    config = transformers.SwinConfig(
        image_size=32,
        patch_size=2,
        embed_dim=16,
        depths=[2, 2],
        num_heads=[2, 4],
        window_size=4,
        attn_implementation="eager",  # torch 2.13 cannot export the other
    )
    return transformers.SwinModel(config), {"pixel_values": image()}


def convnext() -> Made:
    """Large depthwise convolutions with LayerNorm over channels."""
    config = transformers.ConvNextConfig(hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 2, 1])
    return transformers.ConvNextModel(config), {"pixel_values": image(64)}


def segformer() -> Made:
    """Segmentation by attention over shrunken keys."""
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 16, 16, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=16,
        num_labels=5,
    )
    return transformers.SegformerForSemanticSegmentation(config), {"pixel_values": image(64)}


def whisper_encoder() -> Made:
    """A spectrogram through convolutions and an encoder."""
    config = transformers.WhisperConfig(
        vocab_size=100,
        d_model=32,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_mel_bins=16,
        max_source_positions=32,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    encoder = transformers.WhisperModel(config).get_encoder()
    return encoder, {"input_features": torch.rand(1, 16, 64)}


def wav2vec2() -> Made:
    """Raw sound through convolutions and an encoder."""
    config = transformers.Wav2Vec2Config(
        **TEXT,
        intermediate_size=64,
        conv_dim=[16, 16, 16],
        conv_stride=[5, 4, 4],
        conv_kernel=[10, 8, 4],
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        num_feat_extract_layers=3,
    )
    return transformers.Wav2Vec2Model(config), {"input_values": torch.rand(1, 1600)}


class Gru(nn.Module):
    """Frames through a recurrent network in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Conv1d(16, 32, 3, padding=1)
        self.gru = nn.GRU(32, 24, bidirectional=True, batch_first=True)
        self.after = nn.Linear(48, 10)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Scores for each frame."""
        hidden, _ = self.gru(self.before(frames).relu().transpose(1, 2))
        scores: torch.Tensor = self.after(hidden)
        return scores.softmax(-1)


class Lstm(nn.Module):
    """Words through two layers of memory cells."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 24)
        self.lstm = nn.LSTM(24, 24, num_layers=2, batch_first=True)
        self.after = nn.Linear(24, 10)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Scores from the last state."""
        hidden, _ = self.lstm(self.words(ids))
        scores: torch.Tensor = self.after(hidden[:, -1])
        return scores


class Upscaler(nn.Module):
    """A picture twice as large: interpolation, GroupNorm, Mish, PixelShuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.rise = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.fall = nn.Conv2d(16, 12, 3, padding=1, padding_mode="reflect")

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """The enlarged picture."""
        hidden = nn.functional.mish(self.norm(self.rise(picture)))
        detail = nn.functional.pixel_shuffle(self.fall(hidden), 2)
        size = (picture.shape[2] * 2, picture.shape[3] * 2)
        smooth = nn.functional.interpolate(picture, size, mode="bilinear", align_corners=False)
        return (smooth + detail).clamp(0, 1)


def gru() -> Made:
    """See Gru."""
    return Gru(), {"frames": torch.rand(1, 16, 20)}


def lstm() -> Made:
    """See Lstm."""
    return Lstm(), {"ids": tokens(12)}


def upscaler() -> Made:
    """See Upscaler."""
    return Upscaler(), {"picture": image()}


MODELS: tuple[Callable[[], Made], ...] = (
    bert,
    t5,
    gpt2,
    llama,
    llama_eager,
    qwen3,
    hunyuan,
    deepseek_v3,
    mamba,
    vit,
    dinov2,
    clip_vision,
    swin,
    convnext,
    segformer,
    whisper_encoder,
    wav2vec2,
    gru,
    lstm,
    upscaler,
)


class FirstOutput(nn.Module):
    """A model whose only output is the first tensor that it returns, and whose inputs are named."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        """The first tensor of the model's results."""
        result: Any = self.model(**dict(zip(self.names, tensors, strict=True)))
        first: torch.Tensor = result if isinstance(result, torch.Tensor) else result[0]
        return first


@dataclass(frozen=True)
class Export:
    """A model file and the inputs beside it."""

    proto: onnx.ModelProto
    inputs: Mapping[str, Any]

    def save(self, folder: Path, name: str) -> Path:
        """Writes both.

        Raises:
            ValueError: The model is larger than a test model ought to be.
        """
        data = self.proto.SerializeToString()
        if len(data) > LARGEST:
            raise ValueError(f"{name} is {len(data)} bytes")
        path = folder / f"{name}.onnx"
        path.write_bytes(data)
        np.savez(folder / f"{name}.npz", **self.inputs)
        return path


def export(make: Callable[[], Made], opset: int) -> Export:
    """A model and its inputs, the same at every call."""
    torch.manual_seed(0)
    model, inputs = make()
    with torch.no_grad():
        for parameter in model.parameters():  # what starts as zero or one would hide mistakes
            parameter.add_(0.02 * torch.randn_like(parameter))
    proto = written(FirstOutput(model.eval(), tuple(inputs)).eval(), inputs, opset)
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError:  # attributes of 18 are left over when it lowers to 17
        proto = written(FirstOutput(model, tuple(inputs)).eval(), inputs, opset + 1)
    return Export(proto, {k: v.numpy() for k, v in inputs.items()})


def written(model: nn.Module, inputs: Mapping[str, torch.Tensor], opset: int) -> onnx.ModelProto:
    """What torch's exporter makes of a model."""
    program = torch.onnx.export(
        model,
        tuple(inputs.values()),
        dynamo=True,
        opset_version=opset,
        input_names=list(inputs),
        output_names=["result"],
        verbose=False,
    )
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    return proto


def main() -> int:
    """Writes the models; says which could not be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="regular expression on the names")
    parser.add_argument("--opsets", type=int, nargs="+", default=OPSETS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    logging.disable()
    failed = 0
    for make in (m for m in MODELS if re.search(given.only, m.__name__)):
        for opset in given.opsets:
            name = f"{make.__name__}__op{opset}"
            try:
                path = export(make, opset).save(given.folder, name)
                print(f"{path} {path.stat().st_size} bytes", flush=True)
            except Exception as error:  # noqa: BLE001 - one model must not hide the others
                failed += 1
                print(
                    f"{name}: {type(error).__name__}: {str(error)[:300]}",
                    file=sys.stderr,
                    flush=True,
                )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
