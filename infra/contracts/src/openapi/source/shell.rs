//! Calls by curl, for bash and zsh.

use super::{Call, VARIABLES};

/// The commands: those before the last in one line each, the last with an option a line.
pub(in crate::openapi) fn source(calls: &[Call]) -> String {
    let Some((last, before)) = calls.split_last() else { return String::new() };
    let mut commands: Vec<String> = before.iter().map(preparing).collect();
    commands.push(lines(last, "curl").join(" \\\n  "));
    commands.join("\n")
}

/// A command in one line. If its answer has an id that later ones need, a variable keeps it.
fn preparing(call: &Call) -> String {
    let command = lines(call, "curl -s").join(" ");
    match call.keeps {
        None => command,
        Some(kept) => {
            let (name, field) = (kept.name.trim_start_matches('$'), kept.field);
            format!(r#"{name}=$({command} | sed 's/.*"{field}":"\([^"]*\)".*/\1/')"#)
        }
    }
}

fn lines(call: &Call, curl: &str) -> Vec<String> {
    let method = call.told_method().map(|method| format!(" -X {method}")).unwrap_or_default();
    // A variable of the shell needs double quotes, everything else is safe in single ones.
    let quote = if call.path.contains('$') { '"' } else { '\'' };
    let mut lines = vec![format!("{curl}{method} {quote}{}{}{quote}", call.server, call.path)];
    lines.extend(call.identity().into_iter().map(|(name, value)| format!("-H '{name}: {value}'")));
    if call.keyed {
        lines.push("-H \"Idempotency-Key: $RANDOM-$RANDOM\"".to_owned());
    }
    if let Some(body) = &call.body {
        lines.push("-H 'Content-Type: application/json'".to_owned());
        let body = body.to_string().replace('\'', r"'\''");
        // Variables stand outside the single quotes.
        let body =
            VARIABLES.iter().fold(body, |body, known| body.replace(known.name, &format!(r#"'"{}"'"#, known.name)));
        lines.push(format!("-d '{body}'"));
    }
    lines
}
