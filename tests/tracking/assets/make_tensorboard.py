"""Makes the TensorBoard folder of this folder; run by a Python of its own, see `make_all.py`.

``python make_tensorboard.py FOLDER``: a run with scalars of tensorboardX, an image, a text, a histogram and
hparams; one with scalars as tensors, as TensorFlow 2 writes them.
"""

import sys
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboardX import SummaryWriter

root = Path(sys.argv[1])
START = 1_767_225_600.25

with SummaryWriter(str(root / "lr=0.1" / "train")) as writer:
    for step in range(5):
        writer.add_scalar("loss", 1 / (step + 1), step, walltime=START + step)
    for step, value in enumerate([float("nan"), float("inf"), float("-inf")]):
        writer.add_scalar("odd", value, step * 2**40, walltime=START + step)
    writer.add_image("samples/digit", np.zeros((3, 4, 5), np.uint8), 3, walltime=START)
    writer.add_text("summary", "it **learns**", 4, walltime=START)
    writer.add_histogram("weights", np.arange(10.0), 4, walltime=START)
    writer.add_hparams(
        {"lr": 0.1, "layers": 3, "optimizer": "adam", "bias": True}, {"final/auc": 0.9}, name="hp"
    )

folder = root / "tf2"
folder.mkdir()
writer = EventFileWriter(str(folder))
scalars = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
for step in range(3):
    tensor = TensorProto(dtype=1, tensor_shape=TensorShapeProto())
    if step % 2:
        tensor.tensor_content = np.float32(step / 4).tobytes()
    else:
        tensor.float_val.append(step / 4)
    double = TensorProto(dtype=2, tensor_shape=TensorShapeProto(), double_val=[step / 10])
    values = [
        Summary.Value(tag="epoch_loss", tensor=tensor, metadata=scalars),
        Summary.Value(tag="epoch_auc", tensor=double, metadata=scalars),
    ]
    writer.add_event(Event(wall_time=START + step, step=step, summary=Summary(value=values)))
writer.close()
