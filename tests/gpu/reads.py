"""Counts the values that Python reads from tensors of a device, for which a GPU would have to be waited for."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

READS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::_unique2"}


class DeviceReads(TorchDispatchMode):
    """Takes the model's tensors, and all that is computed from them, for tensors of another device.

    ``found`` lists the operations that read one of them, as a copy to the CPU would.
    """

    def __init__(self, model):
        super().__init__()
        self.found = []
        self._remote = WeakTensorKeyDictionary()
        for tensor in (*model.parameters(), *model.buffers()):
            self._remote[tensor] = True

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        remote = any(isinstance(x, torch.Tensor) and x in self._remote for x in tree_leaves((args, kwargs)))
        if remote and func._schema.name in READS:
            self.found.append(func._schema.name)
        out = func(*args, **kwargs)
        if remote:
            for x in tree_leaves(out):
                if isinstance(x, torch.Tensor):
                    self._remote[x] = True
        return out
