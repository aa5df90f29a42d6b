"""Print a script that completes the commands of mmaction, their options and the names of configs.

Examples:
  eval "$(mmaction completion bash)"     # in ~/.bashrc
  eval "$(mmaction completion zsh)"      # in ~/.zshrc
  mmaction completion fish | source      # in ~/.config/fish/config.fish
"""

import argparse

# Options are read from --help, so that they always fit the command.
BASH = r"""_mmaction() {
  local word="${COMP_WORDS[COMP_CWORD]}" command="${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$(mmaction --help | sed -n 's/^  \([a-z0-9-]*\)  .*/\1/p')" -- "$word"))
  elif [ "${word#-}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$(mmaction "$command" --help | grep -o -- '--[a-z][a-z-]*' | sort -u)" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -f -W "$(mmaction configs --names)" -- "$word"))
  fi
}
complete -o default -F _mmaction mmaction"""
FISH = r"""complete -c mmaction -n __fish_use_subcommand -f -a \
  "(mmaction --help | string replace -rf '^  ([a-z0-9-]+)  +(.*)' '\$1\t\$2')"
complete -c mmaction -n 'test (count (commandline -opc)) -eq 2' -a '(mmaction configs --names)'
complete -c mmaction -n 'string match -q -- "-*" (commandline -ct)' -f -a \
  "(mmaction (commandline -opc)[2] --help | string match -ra -- '--[a-z][a-z-]*' | sort -u)" """
SCRIPTS = {"bash": BASH, "zsh": f"autoload -U +X bashcompinit && bashcompinit\n{BASH}", "fish": FISH.strip()}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shell", choices=SCRIPTS, help="your shell")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the script; return 0."""
    print(SCRIPTS[parse_args(argv).shell])
    return 0
