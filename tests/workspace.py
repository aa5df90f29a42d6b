"""A folder in which the commands of the documentation run, on small stand-ins for the files that they name."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from engine.processes import free_port, run_forked
from page_commands import ROOT, files
from tiny import datasets, shrink_config

RGB_CONFIG = "configs/recognition/i3d/i3d_r18_1xb16-u24-100e_demo-rgb.py"
POSE_CONFIG = "configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py"
POSE_PROGRAMS = ("joint_importance.py", "pose_robustness.py", "pose_visualizer.py")
# what stands for something of the reader's own
PLACEHOLDERS = {
    "URL_OR_FILE": "pretrained.pth",
    "VIDEO...": "clip.mp4",
    "SRC": "videos",
    "OUT": "small",
}
# what makes a command short; `dist_*.sh CONFIG 8` starts one process
SHORTER = {
    "make_demo_data.py": "--num-clips 12 --num-classes 3 --size 96x72 --workers 1 --overwrite",
    "pose_robustness.py": "--num 2",
    "joint_importance.py": "--num 2",
    "benchmark.py": "--num 2 --steps 1 --batches 1",
    "gradcam.py": "--views 1",
    "build_rawframes.py": "--workers 1",
    "resize_videos.py": "--workers 1 --overwrite",  # its folder is a stand-in too
}
NUMBERS = {"dist_train.sh": {"8": "1"}, "dist_test.sh": {"8": "1"}, "benchmark_decoders.py": {"5000": "60"}}
TIMEOUT_S = 900
SUSPICIOUS = 3  # exit code of pose_visualizer.py, which finds something in most clips
OUTPUTS = ("--out", "--output", "--dump", "--show-dir", "--work-dir")
GYM_VIDEO, GYM_EVENT, GYM_ELEMENTS = "AAAAAAAAAAA", "E_000000_000002", ("A_0000_0001", "A_0001_0002")


class Workspace:
    """Runs commands in a folder that looks like a checkout.

    Before a command runs, the files which it names are made; what the commands before it have written is used as it is.
    """

    def __init__(self, folder: Path, demo_data: Path, shorter: dict[str, str] | None = None) -> None:
        self.folder, self.demo = folder, demo_data
        self.shorter = {**SHORTER, **(shorter or {})}
        self.log = folder / "output.txt"
        for name in ("tools", "tests"):
            (folder / name).symlink_to(ROOT / name)
        shutil.copy(ROOT / "pose_visualizer.py", folder)  # reads the config.ini beside it
        settings = re.sub(r"dive_\d+", "dive_00000", (ROOT / "config.ini").read_text(encoding="utf-8"))
        (folder / "config.ini").write_text(settings, encoding="utf-8")
        shutil.copytree(demo_data, folder / "data/demo_diving")
        (folder / "data/mine").mkdir()
        self.videos = sorted((demo_data / "videos").glob("*.mp4"))

    # -- commands -----------------------------------------------------------------------------------------------------
    def run(self, words: list[str]) -> str:
        """Run a command and return its output."""
        words = self.prepare(words)
        before = self.log.stat().st_size if self.log.exists() else 0
        first = next(number for number, word in enumerate(words) if not re.match(r"[A-Z_]+=", word))
        env, words = dict(word.split("=", 1) for word in words[:first]), words[first:]
        if words[0] == "python":
            code = run_forked(words[1:], self.folder, self.log, env)
        elif words[0] == "mmaction":
            code = run_forked(["tests/console_program.py", *words[1:]], self.folder, self.log, env)
        else:
            given = {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "PORT": str(free_port())}
            env = {**os.environ, **given, **env}
            with self.log.open("ab") as file:
                done = subprocess.run(words, cwd=self.folder, stdout=file, stderr=file, env=env, timeout=TIMEOUT_S)
            code = done.returncode
        said = self.log.read_bytes()[before:].decode(errors="replace")
        good = (0, SUSPICIOUS) if "pose_visualizer.py" in words else (0,)
        assert code in good, f"{' '.join(words)} ended with {code}\n{said[-3000:]}"
        return said

    def prepare(self, words: list[str]) -> list[str]:
        """Put stand-ins in place of what a command names, and return its words."""
        name = next((Path(word).name for word in words if word.endswith((".py", ".sh"))), "")
        kind, config = ("pose", POSE_CONFIG) if name in POSE_PROGRAMS else ("rgb", RGB_CONFIG)
        table = {"CONFIG": config, "CHECKPOINT": f"{kind}.pth", **PLACEHOLDERS, **NUMBERS.get(name, {})}
        words = [table.get(word, word) for word in words]
        for before, word in zip(["", *words], words, strict=False):
            if before not in OUTPUTS and not word.startswith("-"):
                self.provide(word.rpartition("=")[2], words)
        found = [sorted(self.folder.glob(word)) if "*" in word else [word] for word in words]
        return [str(word) for matches in found for word in matches] + self.shorter.get(name, "").split()

    def write_files(self, page: Path) -> None:
        """Write the files that a page shows, and make what they refer to."""
        for name, content in files(page).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            for base in re.findall(r'^_base_ = "(.*)"', content, re.MULTILINE):
                self.provide(str(Path(name).parent / base), [])
            for listed in re.findall(r'ann_file="(.*?)"', content):
                self.provide(listed, [])

    # -- files --------------------------------------------------------------------------------------------------------
    def provide(self, name: str, words: list[str]) -> None:
        """Make the file or folder called ``name`` if it is not there and there is a rule for it."""
        path = self.folder / name
        if path.exists() or "*" in name:
            return
        for pattern, make in RULES.items():
            if re.fullmatch(pattern, name):
                path.parent.mkdir(parents=True, exist_ok=True)
                make(self, path, words)
                return

    def video(self, path: Path, words: list[str]) -> None:
        """A video."""
        shutil.copy(self.videos[0], path)

    def class_folders(self, path: Path, words: list[str]) -> None:
        """A folder of videos for each of two classes."""
        for index, video in enumerate(self.videos[:4]):
            (path / f"class{index % 2}").mkdir(parents=True, exist_ok=True)
            shutil.copy(video, path / f"class{index % 2}")

    def flat_folder(self, path: Path, words: list[str]) -> None:
        """A folder of videos."""
        path.mkdir()
        for video in self.videos[:2]:
            shutil.copy(video, path)

    def csv_list(self, path: Path, words: list[str]) -> None:
        """A CSV file of videos of the demo data."""
        path.write_text(
            "file,class\n" + "".join(f"{video.name},{index % 2}\n" for index, video in enumerate(self.videos))
        )

    def label_map(self, path: Path, words: list[str]) -> None:
        """Class names."""
        shutil.copy(self.demo / "label_map.txt", path)

    def demo_skeletons(self, path: Path, words: list[str]) -> None:
        """The skeletons of the demo data; the first video also stands there as ``clip``."""
        content = pickle.loads((self.demo / "skeletons.pkl").read_bytes())
        name = self.videos[0].stem
        first = next(info for info in content["annotations"] if info["frame_dir"] == name)
        content["annotations"].append({**first, "frame_dir": "clip"})
        path.write_bytes(pickle.dumps(content))

    def skeletons_of_classes(self, path: Path, words: list[str]) -> None:
        """The skeletons of the videos in folders of classes, named by their paths."""
        content = pickle.loads((self.demo / "skeletons.pkl").read_bytes())
        names = {video.stem: f"class{index % 2}/{video.stem}" for index, video in enumerate(self.videos[:4])}
        kept = [info for info in content["annotations"] if info["frame_dir"] in names]
        path.write_bytes(pickle.dumps([{**info, "frame_dir": names[info["frame_dir"]], "label": 0} for info in kept]))

    def skeletons(
        self,
        path: Path,
        words: list[str],
        joints: int = 17,
        splits: tuple[str, ...] = ("train", "val"),
        depth: bool = False,
    ):
        """Two random skeletons of one person in each split; in 3D with ``depth``."""
        rng = np.random.default_rng(0)
        annotations = [
            {
                "frame_dir": f"{split}{clip}",
                "label": clip,
                "img_shape": (240, 320),
                "original_shape": (240, 320),
                "total_frames": 30,
                "keypoint": rng.uniform(20, 200, (1, 30, joints, 2)).astype(np.float16),
                "keypoint_score": rng.uniform(0.5, 1, (1, 30, joints)).astype(np.float16),
            }
            for split in splits
            for clip in range(2)
        ]
        if depth:
            for info in annotations:
                info["keypoint"] = rng.uniform(-1, 1, (1, 30, joints, 3)).astype(np.float32)
                for name in ("img_shape", "original_shape", "keypoint_score"):
                    del info[name]
        split = {name: [f"{name}{clip}" for clip in range(2)] for name in splits}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps({"split": split, "annotations": annotations}, protocol=4))

    def config(self, path: Path, words: list[str]) -> None:
        """The config of this name at tiny size, and the data that it reads where nothing is yet."""
        from mmaction.skeletons import get_layout, layout_of_config
        from mmaction.utils.config import load_config

        shipped = ROOT / path.relative_to(self.folder)
        if not shipped.exists():  # the command makes it
            return
        cfg, _ = load_config(shipped)
        shrink_config(cfg)
        sets = datasets(cfg)
        if "demo_diving" in sets[0].ann_file:  # fewer classes than the real one
            cfg.model.cls_head.num_classes = len((self.demo / "label_map.txt").read_text().splitlines())
            sets[0].indices = 4
        for dataset in sets:
            listed = self.folder / dataset.ann_file
            if listed.exists():
                continue
            listed.parent.mkdir(parents=True, exist_ok=True)
            if dataset.type == "VideoDataset":
                folder = self.folder / dataset.data_prefix.video
                folder.mkdir(parents=True, exist_ok=True)
                for video in self.videos[:4]:
                    shutil.copy(video, folder)
                some = self.videos[:2] if "train" in listed.name else self.videos[2:4]
                listed.write_text("".join(f"{video.name} {index}\n" for index, video in enumerate(some)))
            else:
                layout = layout_of_config(cfg) or get_layout("coco17")
                splits = tuple({dataset.split for dataset in sets})
                depth = any(step.type == "PreNormalize3D" for step in dataset.pipeline)
                self.skeletons(listed, words, len(layout.joints), splits, depth)
        cfg.dump(path)

    def checkpoint(self, path: Path, words: list[str]) -> None:
        """Random weights for the config that the command names."""
        import torch

        from mmaction.registry import MODELS
        from mmaction.utils import register_all_modules
        from mmaction.utils.config import load_config

        register_all_modules()
        config = next(word for word in words if re.fullmatch(r"configs/.*\.py", word))
        cfg, _ = load_config(self.folder / config)
        torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, path)

    def result(self, path: Path, words: list[str]) -> None:
        """What a test has written."""
        if not (self.folder / "tested").exists():
            self.run(["python", "tools/test.py", POSE_CONFIG, "tested/random.pth", "--work-dir", "tested"])
        shutil.copytree(self.folder / "tested/test_random", path)

    def scores(self, path: Path, words: list[str]) -> None:
        """The scores that a test has written; those in a folder ``*_VAL`` are of other clips."""
        from mmaction.structures import Result

        self.provide("work_dirs/SCORES/test_best", words)
        known = Result.load(self.folder / "work_dirs/SCORES/test_best")
        prefix = "val_" if path.parent.name.endswith("_VAL") else ""
        replace(known, ids=[prefix + name for name in known.ids]).save(path)

    def dump_of_mmaction2(self, path: Path, words: list[str]) -> None:
        """A pickle as MMAction2's ``--dump`` writes it, of the samples of the other results."""
        import torch

        from mmaction.structures import Result

        self.provide("A/scores.npz", words)
        known = Result.load(self.folder / "A/scores.npz")
        samples = [
            {"pred_score": torch.tensor(score), "gt_label": torch.tensor([label]), "frame_dir": name}
            for name, label, score in zip(known.ids, known.labels.tolist(), known.scores, strict=True)
        ]
        path.write_bytes(pickle.dumps(samples))

    def dump_of_pyskl(self, path: Path, words: list[str]) -> None:
        """A pickle as PYSKL's ``--out`` writes it: scores alone."""
        from mmaction.structures import Result

        self.provide("A/scores.npz", words)
        path.write_bytes(pickle.dumps(list(Result.load(self.folder / "A/scores.npz").scores)))

    def training(self, path: Path, words: list[str]) -> None:
        """The work directory of a training."""
        config = self.prepare(["CONFIG"])
        self.run(["python", "tools/train.py", *config, "--work-dir", str(path)])

    def gym_videos(self, path: Path, words: list[str]) -> None:
        """A full-length video of FineGym, and the official lists where the tool looks for them."""
        path.mkdir()
        shutil.copy(self.videos[0], path / f"{GYM_VIDEO}.mp4")
        lists = self.folder / "data/gym/annotations"
        lists.mkdir(parents=True, exist_ok=True)
        train, val = (f"{GYM_VIDEO}_{GYM_EVENT}_{element} 1\n" for element in GYM_ELEMENTS)
        for name in ("gym99", "gym288"):
            (lists / f"{name}_train_element_v1.1.txt").write_text(train)
            (lists / f"{name}_val_element.txt").write_text(val)

    def gym_clips(self, path: Path, words: list[str]) -> None:
        """Clips as the preparation of FineGym cuts them."""
        path.mkdir(parents=True)
        for element in GYM_ELEMENTS:
            shutil.copy(self.videos[0], path / f"{GYM_VIDEO}_{GYM_EVENT}_{element}.mp4")

    def gym_list(self, path: Path, words: list[str]) -> None:
        """One of the clips of FineGym: the first to train on, the second to test on."""
        element = GYM_ELEMENTS[path.stem != "train"]
        path.write_text(f"{GYM_VIDEO}_{GYM_EVENT}_{element}.mp4 1\n")

    def alphapose(self, path: Path, words: list[str]) -> None:
        """AlphaPose's results for the clips of FineGym."""
        path.mkdir()
        for element in GYM_ELEMENTS:
            entries = [
                {"image_id": f"{frame}.jpg", "keypoints": [9.0, 9.0, 0.5] * 17, "score": 1, "idx": 1}
                for frame in range(3)
            ]
            (path / f"{GYM_VIDEO}_{GYM_EVENT}_{element}.json").write_text(json.dumps(entries))


RULES = {
    r"configs/.*\.py": Workspace.config,
    r"(clip|long|dive|corrupted)\.mp4": Workspace.video,
    r"data/\w+/(videos|full)": Workspace.class_folders,
    r"videos/?": Workspace.flat_folder,
    r"data/mine/clips\.csv": Workspace.csv_list,
    r"data/mine/label_map\.txt": Workspace.label_map,
    r"data/mine/poses\.pkl": Workspace.skeletons_of_classes,
    r"gym\.pkl": Workspace.demo_skeletons,
    r"data/skeleton/gym_2d\.pkl": Workspace.skeletons,
    r".*\.pth": Workspace.checkpoint,
    r"work_dirs/\w+/test_(best|epoch)\w*": Workspace.result,
    r"\w+/scores\.npz": Workspace.scores,
    r"mmaction2_dump\.pkl": Workspace.dump_of_mmaction2,
    r"pyskl_result\.pkl": Workspace.dump_of_pyskl,
    r"work_dirs/[AB]": Workspace.training,
    r"PATH/TO/VIDEOS": Workspace.gym_videos,
    r"data/gym/subactions": Workspace.gym_clips,
    r"data/gym/gym288/(train|val)\.txt": Workspace.gym_list,
    r"results/": Workspace.alphapose,
}
