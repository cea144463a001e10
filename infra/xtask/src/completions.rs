//! `cargo xtask completions`: the words of this command, for a shell.

use std::io::{self, Write as _};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Options {
    /// The shell that reads the output
    shell: Shell,
}

/// Shells complete a command by its first word, and `cargo` has completions of its own. So the command gets a name of
/// one word.
const NAME: &str = "xtask";

/// Prints a script that defines the command `xtask`, which stands for `cargo xtask`, with its completions.
pub(crate) fn run<C: CommandFactory>(options: &Options) -> Result<(), Failure> {
    Ok(io::stdout().write_all(&script::<C>(options.shell))?)
}

fn script<C: CommandFactory>(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut C::command(), NAME, &mut script);
    let definition = match shell {
        Shell::Fish => "function xtask; cargo xtask $argv; end\n",
        Shell::Bash | Shell::Zsh => "xtask() { cargo xtask \"$@\"; }\n",
        // Other shells name it themselves.
        _ => "",
    };
    script.extend(definition.as_bytes());
    script
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::Arguments;

    #[test]
    fn shells_read_the_completions() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script::<Arguments>(shell)).unwrap();
            for word in ["completions", "smoke", "region", "cargo xtask"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    /// The bash script is loaded, and asked for the commands that begin with `com`.
    #[test]
    fn bash_completes_a_command() {
        let script = String::from_utf8(script::<Arguments>(Shell::Bash)).unwrap();
        let ask = "\nCOMP_WORDS=(xtask com); COMP_CWORD=1; _xtask xtask com xtask; echo \"${COMPREPLY[@]}\"";
        let mut bash = Command::new("bash");
        let output = bash.arg("-c").arg(script + ask).stderr(Stdio::inherit()).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "completions");
    }
}
