//! Matches requests with routes, as API Gateway does.

use crate::ROUTES;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The function, by the name of its binary.
    pub function: &'static str,
    /// Whether it is served without a token.
    pub public: bool,
}

impl Route {
    /// Whether this path has the word in the position of the other path's parameter.
    fn is_beside(&self, other: &Self, parameter: &str, word: &str) -> bool {
        let mut segments = self.path.split('/').zip(other.path.split('/'));
        let apart = segments.find(|(own, others)| own != others);
        apart.is_some_and(|(own, others)| own == word && name_of_parameter(others) == Some(parameter))
    }

    /// The parameters of a path, if this route's path matches it.
    pub fn parameters<'p>(&self, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
        let (pattern, given): (Vec<_>, Vec<_>) = (self.path.split('/').collect(), path.split('/').collect());
        if pattern.len() != given.len() {
            return None;
        }
        let mut parameters = Vec::new();
        for (pattern, given) in pattern.into_iter().zip(given) {
            match name_of_parameter(pattern) {
                Some(name) if !given.is_empty() => parameters.push((name, given)),
                None if pattern == given => {}
                _ => return None,
            }
        }
        Some(parameters)
    }
}

/// The name of the parameter in a segment of a route's path, if it is one.
fn name_of_parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The route of a method and path, with the path's parameters. `HEAD` is served wherever `GET` is.
pub fn find<'p>(method: &str, path: &'p str) -> Option<(&'static Route, Vec<(&'static str, &'p str)>)> {
    let method = if method == "HEAD" { "GET" } else { method };
    let mut matching = ROUTES.iter().filter(|route| route.method == method);
    matching.find_map(|route| Some((route, route.parameters(path)?)))
}

/// The methods of a path: those of its routes, `HEAD` if there is `GET`, and `OPTIONS` of each path.
pub fn methods_of(path: &str) -> Vec<&'static str> {
    let mut methods: Vec<_> =
        ROUTES.iter().filter(|route| route.parameters(path).is_some()).map(|r| r.method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    if !methods.is_empty() {
        methods.push("OPTIONS");
    }
    methods.sort_unstable();
    methods.dedup();
    methods
}

/// Words reserved by the requirements beyond those of [`ROUTES`]. `cart` is a neighbour of a product in
/// `/orders/cart/{itemId}`; the others belong to routes that later stages add. A route of tomorrow must not hide an id
/// given today.
const RESERVED_AHEAD: &[(&str, &str)] = &[
    ("userId", "adjustments"),
    ("userId", "withdrawals"),
    ("productId", "cart"),
    ("productId", "yours"),
    ("couponId", "campaigns"),
];

/// Whether a path has this word in the position of this parameter, so that no new thing can have it as its id. Both
/// lists come from [`ROUTES`], so a new route reserves its words by itself.
pub fn is_reserved(parameter: &str, word: &str) -> bool {
    // Few routes have the word at all: only those are compared with the others.
    let mut with_word = ROUTES.iter().filter(|route| route.path.split('/').any(|segment| segment == word));
    RESERVED_AHEAD.contains(&(parameter, word))
        || with_word.any(|route| ROUTES.iter().any(|other| route.is_beside(other, parameter, word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_parameters_comes_first() {
        assert_eq!(find("GET", "/products/top").unwrap().0.function, "list-bestsellers");
        let (route, parameters) = find("GET", "/products/tea").unwrap();
        assert_eq!((route.function, parameters), ("get-product", vec![("productId", "tea")]));
        assert!(find("GET", "/products/").is_none());
        assert_eq!(find("GET", "/orders/cart").unwrap().0.function, "get-cart");
        assert_eq!(find("HEAD", "/orders/cart").unwrap().0.function, "get-cart");
        assert!(find("HEAD", "/orders/cart/tea").is_none());
    }

    #[test]
    fn words_of_paths_are_reserved() {
        for (parameter, word) in [
            ("userId", "charge"),
            ("productId", "top"),
            ("productId", "best-seller"),
            ("productId", "cart"),
            ("productId", "yours"),
            ("couponId", "issue"),
            ("couponId", "revoke"),
            ("couponId", "campaigns"),
            ("orderId", "cart"),
        ] {
            assert!(is_reserved(parameter, word), "{parameter} {word}");
        }
        for (parameter, word) in [("userId", "top"), ("productId", "charge"), ("orderId", "history"), ("couponId", "")]
        {
            assert!(!is_reserved(parameter, word), "{parameter} {word}");
        }
    }

    #[test]
    fn methods_of_a_path() {
        assert_eq!(methods_of("/products/tea"), ["GET", "HEAD", "OPTIONS", "PATCH"]);
        assert_eq!(methods_of("/orders/cart"), ["GET", "HEAD", "OPTIONS", "PATCH", "POST"]);
        assert_eq!(methods_of("/orders/cart/tea"), ["DELETE", "OPTIONS"]);
        assert!(methods_of("/nowhere").is_empty());
    }
}
