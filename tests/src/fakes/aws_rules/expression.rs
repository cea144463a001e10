//! Expressions as far as rules count what is in them. The embedded DynamoDB checks their syntax.

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A document path with its names resolved: `a.b[0]` has three elements.
    Path(Vec<String>),
    /// A value's placeholder.
    Value(String),
    /// A function or keyword, in lower case.
    Word(String),
    Comparator(String),
    /// `+` or `-`.
    Sign,
    Open,
    Close,
    Comma,
}

/// An expression.
#[derive(Debug, Clone)]
pub(super) struct Expression(Vec<Token>);

const KEYWORDS: [&str; 9] = ["and", "or", "not", "between", "in", "set", "remove", "add", "delete"];

impl Expression {
    /// Reads an expression with the names of its request.
    pub(super) fn parse(text: &str, request: &Value) -> Self {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | ':' | '.' | '[' | ']');
        let mut tokens = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '<' | '>' => 1 + usize::from(rest[1..].starts_with(['=', '>'])),
                c if is_part(c) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            let (token, after) = rest.split_at(length);
            let is_call = after.trim_start().starts_with('(');
            tokens.extend(match token {
                "(" => Some(Token::Open),
                ")" => Some(Token::Close),
                "," => Some(Token::Comma),
                "+" | "-" => Some(Token::Sign),
                _ if first == '=' || first == '<' || first == '>' => Some(Token::Comparator(token.to_owned())),
                _ if first == ':' => Some(Token::Value(token.to_owned())),
                _ if is_call || KEYWORDS.contains(&token.to_lowercase().as_str()) => {
                    Some(Token::Word(token.to_lowercase()))
                }
                _ if is_part(first) => Some(Token::Path(elements(token, request))),
                _ => None,
            });
            rest = after.trim_start();
        }
        Self(tokens)
    }

    /// The number of operators and functions.
    pub(super) fn operators(&self) -> usize {
        let count = |wanted: &dyn Fn(&Token) -> bool| self.0.iter().filter(|token| wanted(token)).count();
        let words = count(&|token| match token {
            Token::Word(word) => !matches!(word.as_str(), "set" | "remove" | "add" | "delete"),
            _ => false,
        });
        let signs = count(&|token| matches!(token, Token::Comparator(_) | Token::Sign));
        // The AND of a BETWEEN is a part of it.
        words + signs - count(&|token| *token == Token::Word("between".to_owned()))
    }

    /// The most operands of an IN.
    pub(super) fn operands_of_in(&self) -> usize {
        let is_in = |token: &Token| *token == Token::Word("in".to_owned());
        let after = self.0.iter().enumerate().filter(|(_, token)| is_in(token)).map(|(at, _)| &self.0[at + 1..]);
        let listed = after.map(|rest| rest.iter().take_while(|token| **token != Token::Close));
        listed.map(|list| 1 + list.filter(|token| **token == Token::Comma).count()).max().unwrap_or(0)
    }

    /// The elements of the longest path.
    pub(super) fn longest_path(&self) -> usize {
        self.paths().map(Vec::len).max().unwrap_or(0)
    }

    /// The attributes at the beginnings of its paths.
    pub(super) fn attributes(&self) -> Vec<String> {
        self.paths().filter_map(|path| path.first().cloned()).collect()
    }

    /// A path that is compared with itself.
    pub(super) fn repeated_operand(&self) -> Option<String> {
        let repeated = self.0.windows(3).find_map(|tokens| match tokens {
            [Token::Path(left), Token::Comparator(_), Token::Path(right)] if left == right => Some(left),
            _ => None,
        });
        repeated.map(|path| path.join("."))
    }

    /// The attributes that are compared with a value, each with the value's placeholder.
    pub(super) fn compared_values(&self) -> Vec<(String, String)> {
        let compared = |tokens: &[Token]| match tokens {
            [Token::Path(path), Token::Comparator(_), Token::Value(value)] => Some((path.join("."), value.clone())),
            _ => None,
        };
        self.0.windows(3).filter_map(compared).collect()
    }

    /// The values' placeholders that are compared by order.
    pub(super) fn ordered_values(&self) -> Vec<&str> {
        let ordered =
            |tokens: &[Token]| matches!(tokens, [Token::Comparator(by), _] if by.starts_with(['<', '>']) && by != "<>");
        let pairs = self.0.windows(2).filter(|tokens| ordered(tokens));
        pairs.filter_map(|tokens| value(&tokens[1])).collect()
    }

    /// The placeholders of the bounds of each BETWEEN.
    pub(super) fn bounds(&self) -> Vec<(&str, &str)> {
        let bounds = |tokens: &'_ [Token]| match tokens {
            [Token::Word(between), _, Token::Word(and), _] => between == "between" && and == "and",
            _ => false,
        };
        let found = self.0.windows(4).filter(|tokens| bounds(tokens));
        found.filter_map(|tokens| Some((value(&tokens[1])?, value(&tokens[3])?))).collect()
    }

    /// The placeholders that a function gets behind a path.
    pub(super) fn arguments_of(&self, function: &str) -> Vec<&str> {
        let calls = self.0.windows(5).filter(|tokens| tokens[0] == Token::Word(function.to_owned()));
        calls.filter(|tokens| tokens[3] == Token::Comma).filter_map(|tokens| value(&tokens[4])).collect()
    }

    fn paths(&self) -> impl Iterator<Item = &Vec<String>> {
        self.0.iter().filter_map(|token| match token {
            Token::Path(path) => Some(path),
            _ => None,
        })
    }
}

fn value(token: &Token) -> Option<&str> {
    match token {
        Token::Value(name) => Some(name),
        _ => None,
    }
}

fn elements(path: &str, request: &Value) -> Vec<String> {
    let names = &request["ExpressionAttributeNames"];
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.map(|part| names[part].as_str().unwrap_or(part).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Expression {
        Expression::parse(text, &json!({ "ExpressionAttributeNames": { "#n": "name" } }))
    }

    #[test]
    fn operators_and_functions_are_counted() {
        let counts = [
            ("attribute_exists(#n)", 1),
            ("#n = :a AND (b <> :b OR NOT size(c)>=:c)", 7),
            ("#n BETWEEN :a AND :b", 1),
            ("#n IN (:a, :b)", 1),
            ("SET a = b + :c, d = if_not_exists(d, :e) REMOVE f", 4),
        ];
        for (text, count) in counts {
            assert_eq!(parse(text).operators(), count, "{text}");
        }
    }

    #[test]
    fn operands_and_paths_are_counted() {
        assert_eq!(parse("a IN (:a) OR b in (:a, :b, :c) AND c = :d").operands_of_in(), 3);
        assert_eq!(parse("#n.b[3].c = :a").longest_path(), 4);
        assert_eq!(parse("#n, b.c").attributes(), ["name", "b"]);
        assert_eq!(parse("a = :a AND #n = name").repeated_operand().as_deref(), Some("name"));
        assert_eq!(parse("a.b = a.c AND size(a) > a").repeated_operand(), None);
        assert_eq!(parse("a < :a AND b <> :b AND :c >= d AND e = :e").ordered_values(), [":a"]);
        assert_eq!(parse("a BETWEEN :a AND :b AND c = :c").bounds(), [(":a", ":b")]);
        assert_eq!(parse("begins_with(a, :a) AND contains(b, :b)").arguments_of("begins_with"), [":a"]);
        assert_eq!(parse("#n >= :a").compared_values(), [("name".to_owned(), ":a".to_owned())]);
    }
}
