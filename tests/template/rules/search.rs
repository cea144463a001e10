//! CloudWatch's search expressions, evaluated over sample metrics as its guide describes them:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html>.
//!
//! The guide says, in short:
//! - A schema in braces selects the metrics of a namespace with exactly these dimensions. A part of it that has other
//!   characters than letters and digits is enclosed in double quotes (the guide's own `AWS/…` are not).
//! - Names and values are cut into tokens at changes from lower to upper case, before and after numbers, and at all
//!   other characters, which belong to no token.
//! - A term without quotes is cut as well. A single token is found in any case of letters. Several that the term joins
//!   without a separator are found one after the other and in their case; a separator joins parts in any case.
//! - A term in double quotes is the whole name of a metric, dimension or namespace, or a whole value.
//! - Terms side by side must all be found. `NOT` excludes.

use std::collections::BTreeMap;

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions.collect() }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let dimensions = self.dimensions.iter().flat_map(|(name, value)| [name.as_str(), value]);
        [self.namespace.as_str(), &self.name].into_iter().chain(dimensions)
    }
}

/// The query of a `SEARCH`.
#[derive(Debug, PartialEq, Eq)]
pub struct Search {
    /// The namespace, and the names of the dimensions.
    schema: Vec<String>,
    terms: Vec<Term>,
}

#[derive(Debug, PartialEq, Eq)]
struct Term {
    is_excluded: bool,
    /// The name of a dimension, `MetricName` or `Namespace`.
    property: Option<String>,
    value: Pattern,
}

#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    Partial(String),
}

impl Search {
    /// Reads `SEARCH('{schema} terms', 'Statistic', period)`.
    pub fn parse(expression: &str) -> Result<Self, String> {
        let arguments = expression.strip_prefix("SEARCH(").and_then(|rest| rest.strip_suffix(')'));
        let arguments = arguments.ok_or("it is no SEARCH(…)")?;
        let parts: Vec<&str> = arguments.split('\'').collect();
        let ["", query, _, statistic, _] = parts[..] else {
            return Err("it is not SEARCH('query', 'Statistic', period)".to_owned());
        };
        if statistic.is_empty() {
            return Err("it has no statistic".to_owned());
        }
        if query.len() > 1_024 {
            return Err("its query is longer than 1,024 characters".to_owned());
        }
        let inside = query.trim().strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (schema, terms) = inside.ok_or("it has no schema, so it would search the whole account")?;
        let schema = schema.split(',').map(str::trim).map(part_of_schema).collect::<Result<_, _>>()?;
        let mut terms = terms_of(terms)?;
        // Whole values are compared faster, and exclude most metrics.
        terms.sort_by_key(|term| matches!(term.value, Pattern::Partial(_)));
        Ok(Self { schema, terms })
    }

    pub fn finds(&self, metric: &Metric) -> bool {
        let has_schema = self.schema.first() == Some(&metric.namespace)
            && self.schema.len() == metric.dimensions.len() + 1
            && self.schema[1..].iter().all(|dimension| metric.dimensions.contains_key(dimension));
        has_schema && self.terms.iter().all(|term| term.is_in(metric) != term.is_excluded)
    }
}

fn part_of_schema(part: &str) -> Result<String, String> {
    if let Some(quoted) = part.strip_prefix('"').and_then(|part| part.strip_suffix('"')) {
        return Ok(quoted.to_owned());
    }
    let name = part.strip_prefix("AWS/").unwrap_or(part);
    if name.is_empty() || !name.chars().all(char::is_alphanumeric) {
        return Err(format!("its schema has {part} without quotes"));
    }
    Ok(part.to_owned())
}

fn terms_of(text: &str) -> Result<Vec<Term>, String> {
    let (mut terms, mut is_excluded, mut rest) = (Vec::new(), false, text.trim_start());
    while !rest.is_empty() {
        let end = rest.find([' ', '=', '"']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        match word {
            "AND" => (),
            "NOT" => is_excluded = true,
            word if word == "OR" || word.contains(['(', ')']) => {
                return Err(format!("it has {word}, which these rules cannot evaluate"));
            }
            word => {
                let (property, value) = match after.strip_prefix('=') {
                    Some(value) => (Some(word.to_owned()), value),
                    None => (None, rest),
                };
                let (value, behind) = match value.strip_prefix('"') {
                    Some(quoted) => {
                        let (exact, behind) = quoted.split_once('"').ok_or("it has a quote that does not end")?;
                        (Pattern::Exact(exact.to_owned()), behind)
                    }
                    None => {
                        let (partial, behind) = value.split_at(value.find(' ').unwrap_or(value.len()));
                        (Pattern::Partial(partial.to_owned()), behind)
                    }
                };
                terms.push(Term { is_excluded, property, value });
                is_excluded = false;
                rest = behind.trim_start();
                continue;
            }
        }
        rest = after.trim_start();
    }
    Ok(terms)
}

impl Term {
    fn is_in(&self, metric: &Metric) -> bool {
        let fits = |text: &str| self.value.fits(text);
        match self.property.as_deref() {
            None => metric.texts().any(fits),
            Some("MetricName") => fits(&metric.name),
            Some("Namespace") => fits(&metric.namespace),
            Some(dimension) => metric.dimensions.get(dimension).is_some_and(|value| fits(value)),
        }
    }
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Partial(partial) => is_part(partial, text),
        }
    }
}

/// Whether the tokens of a term are found one after the other among those of a text.
fn is_part(term: &str, text: &str) -> bool {
    // The parts between separators, each as its tokens. Tokens that no separator parts must have the term's case.
    let parts: Vec<Vec<String>> = words(term).map(tokens).collect();
    let wanted: Vec<(&String, bool)> =
        parts.iter().flat_map(|part| part.iter().map(|it| (it, part.len() > 1))).collect();
    let found: Vec<String> = words(text).flat_map(tokens).collect();
    let fits = |((wanted, has_case), found): (&(&String, bool), &String)| {
        if *has_case { *wanted == found } else { wanted.eq_ignore_ascii_case(found) }
    };
    let whole = |text: &str| words(text).collect::<String>();
    let is_whole = whole(term).eq_ignore_ascii_case(&whole(text));
    !wanted.is_empty() && (is_whole || found.windows(wanted.len()).any(|window| wanted.iter().zip(window).all(fits)))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The tokens of a word: `SDBFailure333` is `SDB`, `Failure`, `333`.
fn tokens(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut tokens: Vec<String> = Vec::new();
    for (place, letter) in letters.iter().enumerate() {
        let begins = match place.checked_sub(1).and_then(|place| letters.get(place)) {
            None => true,
            Some(before) if letter.is_ascii_digit() != before.is_ascii_digit() => true,
            Some(before) if letter.is_uppercase() => {
                before.is_lowercase() || letters.get(place + 1).is_some_and(|next| next.is_lowercase())
            }
            Some(_) => false,
        };
        match tokens.last_mut() {
            Some(token) if !begins => token.push(*letter),
            _ => tokens.push(letter.to_string()),
        }
    }
    tokens
}

/// The guide's table of tokens.
#[test]
fn names_are_cut_as_in_the_guide() {
    let of = |text: &str| words(text).flat_map(tokens).collect::<Vec<_>>();
    assert_eq!(of("CustomCount1"), ["Custom", "Count", "1"]);
    assert_eq!(of("SDBFailure"), ["SDB", "Failure"]);
    assert_eq!(of("Project2-trial333"), ["Project", "2", "trial", "333"]);
    assert_eq!(of("Network-Errors_2"), ["Network", "Errors", "2"]);
}

/// The guide's examples of terms that find a name, and of terms that do not.
#[test]
fn terms_are_found_as_in_the_guide() {
    for term in ["count", "Count", "COUNT", "CustomCount", "Count1", "customcount1"] {
        assert!(is_part(term, "CustomCount1"), "{term}");
    }
    for term in ["couNT", "customcount", "count1"] {
        assert!(!is_part(term, "CustomCount1"), "{term}");
    }
    for term in ["network/errors", "network+errors", "network-errors", "Network_Errors"] {
        assert!(is_part(term, "Network-Errors-2") && is_part(term, "NetworkErrors2"), "{term}");
    }
    let exact = |text: &str| Pattern::Exact(text.to_owned());
    assert!(exact("CustomCount1").fits("CustomCount1"));
    assert!(!exact("customcount1").fits("CustomCount1") && !exact("Custom").fits("CustomCount1"));
}

#[test]
fn searches_are_read() {
    let search =
        Search::parse("SEARCH('{AWS/Lambda,FunctionName} my-shop NOT \"other\" MetricName=\"Errors\"', 'Sum', 60)");
    let search = search.unwrap();
    let errors = |function: &str| Metric::new("AWS/Lambda", "Errors", &[("FunctionName", function)]);
    assert!(search.finds(&errors("my-shop-GetUser-1AB2C3")));
    assert!(!search.finds(&errors("my-other-shop-GetUser-1AB2C3")) && !search.finds(&errors("other")));
    assert!(!search.finds(&Metric::new("AWS/Lambda", "Throttles", &[("FunctionName", "my-shop-GetUser-1AB2C3")])));
    for wrong in [
        "SUM(m1)",
        "SEARCH('MetricName=\"Errors\"', 'Sum', 60)",
        "SEARCH('{Jangteo/shop,Kind} MetricName=\"Events\"', 'Sum', 60)",
        "SEARCH('{AWS/Lambda,FunctionName} a OR b', 'Sum', 60)",
        "SEARCH('{AWS/Lambda,FunctionName} \"a', 'Sum', 60)",
    ] {
        assert!(Search::parse(wrong).is_err(), "{wrong}");
    }
}
