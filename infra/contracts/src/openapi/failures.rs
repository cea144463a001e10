//! The failures of an operation, as the `# Errors` section of its handler's documentation lists them.
//!
//! The summary and the description of an operation come from the same documentation, so nothing is written twice. A
//! status with one code stands for it. A status with several names them: ``404, 409 `USER_NOT_ACTIVE` or
//! `LIMIT_EXCEEDED` ``.

use shared::api::Code;
use utoipa::openapi::path::Operation;

use super::Error;

const HEADING: &str = "# Errors";

/// Takes the section out of an operation's description; `None` if it has none.
///
/// # Errors
/// If the section has an unknown status or code, or does not name the code of a status with several.
pub(crate) fn take(operation: &mut Operation) -> Result<Option<Vec<Code>>, Error> {
    let description = operation.description.clone().unwrap_or_default();
    let Some((before, section)) = description.split_once(HEADING) else {
        return Ok(None);
    };
    operation.description = Some(before.trim().to_owned()).filter(|text| !text.is_empty());
    let codes = parse(section).map_err(|problem| Error::Failures {
        operation: operation.operation_id.clone().unwrap_or_default(),
        problem,
    })?;
    Ok(Some(codes))
}

fn parse(section: &str) -> Result<Vec<Code>, String> {
    let is_part_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = section.split(|c: char| !is_part_of_word(c)).filter(|word| !word.is_empty());

    let mut statuses: Vec<(u16, Vec<Code>)> = Vec::new();
    for word in words {
        if let Some(status) = word.parse().ok().filter(|_| word.len() == 3) {
            statuses.push((status, Vec::new()));
        } else if word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            let code = Code::ALL.iter().find(|code| code.as_str() == word);
            let code = *code.ok_or_else(|| format!("there is no code {word}"))?;
            match statuses.last_mut() {
                Some((status, named)) if *status == code.status().as_u16() => named.push(code),
                _ => return Err(format!("{word} does not go with the status before it")),
            }
        }
    }
    let codes = statuses.into_iter().map(|(status, named)| match named.is_empty() {
        true => only_code(status).map(|code| vec![code]),
        false => Ok(named),
    });
    Ok(codes.collect::<Result<Vec<_>, _>>()?.concat())
}

fn only_code(status: u16) -> Result<Code, String> {
    let mut codes = Code::ALL.iter().filter(|code| code.status().as_u16() == status);
    match (codes.next(), codes.next()) {
        (Some(code), None) => Ok(*code),
        (Some(_), Some(_)) => Err(format!("{status} has more than one code; name those that it gives")),
        (None, _) => Err(format!("no code has the status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_stand_for_their_codes() {
        let section = "\n400, 403 (of somebody else), 409 `USER_NOT_ACTIVE` or\n`LIMIT_EXCEEDED`, 422.";
        let codes: Vec<_> = parse(section).unwrap().iter().map(|code| code.as_str()).collect();
        let expected = ["INVALID_REQUEST", "FORBIDDEN", "USER_NOT_ACTIVE", "LIMIT_EXCEEDED", "IDEMPOTENCY_KEY_REUSED"];
        assert_eq!(codes, expected);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (section, problem) in [
            ("409.", "409 has more than one code; name those that it gives"),
            ("418.", "no code has the status 418"),
            ("400 `STOCK_NOT_ENOUGH`.", "STOCK_NOT_ENOUGH does not go with the status before it"),
            ("409 `OUT_OF_TEA`.", "there is no code OUT_OF_TEA"),
        ] {
            assert_eq!(parse(section), Err(problem.to_owned()));
        }
    }
}
