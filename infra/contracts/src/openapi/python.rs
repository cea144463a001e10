//! The refusals of the Python kit: a class for each code, and a type for its details.
//!
//! TypeScript takes them from the reference by its type system. Python would need a generator of its own beside the kit, and
//! this file is shorter than its configuration.

use std::fmt::Write as _;

use shared::api::Code;

use super::details;

/// The file that the classes are kept in.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/python/src/jangteo/refusals.py");

const HEAD: &str = "\
\"\"\"A class for each refusal, by its code. Generated from the reference by `cargo xtask generate`.\"\"\"

from typing import Literal, NotRequired, TypedDict

from .errors import Refusal
";

/// The file. Writing into a string cannot fail.
#[must_use]
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    for code in Code::ALL {
        let name = format!("{code:?}");
        let details = details::of(*code);
        if let Some(details) = &details {
            let _ = write!(text, "\n\nclass {name}Details(TypedDict):\n");
            for (name, shape, _) in details.always {
                let _ = writeln!(text, "    {name}: {}", shape.python());
            }
            for (name, shape, _) in details.sometimes {
                let _ = writeln!(text, "    {name}: NotRequired[{}]", shape.python());
            }
        }
        let kind = match details {
            Some(details) if details.are_certain() => format!("{name}Details"),
            Some(_) => format!("{name}Details | None"),
            None => "None".to_owned(),
        };
        let _ =
            write!(text, "\n\nclass {name}(Refusal):\n    code: Literal[\"{}\"]\n    details: {kind}\n", code.as_str());
    }
    text.push_str(
        "\n\n# The class of each code. A code that is not here is a `Refusal`: a newer shop may have more.\n",
    );
    text.push_str("REFUSALS: dict[str, type[Refusal]] = {\n");
    for code in Code::ALL {
        let _ = writeln!(text, "    \"{}\": {code:?},", code.as_str());
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_refusals_are_what_the_code_generates() {
        let committed = std::fs::read_to_string(FILE).unwrap();
        assert!(committed == text(), "{FILE} is not that of the code: run `cargo xtask generate`");
    }
}
