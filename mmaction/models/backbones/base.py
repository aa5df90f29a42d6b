"""What all backbones share: initial weights, frozen stages, norms kept in evaluation mode."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import nn

from mmaction.models.inflate import load_pretrained
from mmaction.models.initial import InitCfg, init_from_cfg
from mmaction.models.layers import freeze, init_conv_and_norm, set_norms_eval
from mmaction.utils.attributes import ReadableArguments


class Backbone(ReadableArguments, BaseModule):
    """A feature extractor whose first stages can be frozen.

    Args:
        pretrained: Checkpoint that :meth:`init_weights` loads: ``torchvision://NAME``, a URL or a local file; None
            draws the weights at random.
        pretrained2d: Whether that checkpoint is a 2D network, to be inflated.
        frozen_stages: Number of the last frozen stage: 0 freezes the stem, k also stages 1 to k, -1 nothing.
        norm_eval: Whether batch norms use their running statistics during training as well.
        init_cfg: MMEngine's description of the initial weights; None means Kaiming.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        pretrained2d: bool = False,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        init_cfg: InitCfg | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if pretrained is not None and not isinstance(pretrained, str):
            raise TypeError(f"pretrained must be a path, a URL or None; got {pretrained!r}")
        self.pretrained = pretrained
        self.pretrained2d = pretrained2d
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

    def stage_modules(self) -> Sequence[Sequence[nn.Module]]:
        """Return the modules of the stem, of stage 1, of stage 2, ...: what ``frozen_stages`` counts."""
        raise NotImplementedError

    def init_weights(self) -> None:
        """Set the initial weights: at random or by ``init_cfg``, then from ``pretrained`` where that is given."""
        if self.init_cfg is None:
            init_conv_and_norm(self)
            self.init_residuals()
        else:
            init_from_cfg(self, self.init_cfg)
        if self.pretrained is not None:
            load_pretrained(self, self.pretrained, inflate=self.pretrained2d)

    def init_residuals(self) -> None:
        """Start residual branches at zero where the network has any and was asked to."""

    def freeze_stages(self) -> None:
        """Freeze the stem and the stages up to ``frozen_stages``."""
        for modules in self.stage_modules()[: self.frozen_stages + 1]:
            freeze(modules)

    def train(self, mode: bool = True) -> "Backbone":
        """Switch between training and evaluation; frozen stages and, with ``norm_eval``, norms stay in evaluation."""
        super().train(mode)
        self.freeze_stages()
        if mode and self.norm_eval:
            set_norms_eval(self)
        return self
