use std::collections::BTreeMap;

use data_encoding::HEXLOWER_PERMISSIVE;

/// The routes of an HTTP API, matched as API Gateway matches them.
#[derive(Debug)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    default_function: Option<String>,
}

#[derive(Debug)]
struct Route {
    key: String,
    method: String,
    segments: Vec<String>,
    function: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'r> {
    /// The route's key, `GET /orders/{orderId}` or `$default`.
    pub(crate) key: &'r str,
    pub(crate) function: &'r str,
    pub(crate) parameters: BTreeMap<&'r str, String>,
}

const DEFAULT: &str = "$default";

impl Routes {
    /// The routes of these functions, by the keys of the routes.
    pub(crate) fn new(functions: &BTreeMap<String, String>) -> Self {
        let of_path = functions.iter().filter_map(|(key, function)| {
            let (method, path) = key.split_once(' ')?;
            let segments = path.split('/').map(str::to_owned).collect();
            Some(Route { key: key.clone(), method: method.to_owned(), segments, function: function.clone() })
        });
        Self { routes: of_path.collect(), default_function: functions.get(DEFAULT).cloned() }
    }

    /// The route of a method and an unescaped path: the matching one with the most fixed segments, or the default
    /// route.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let of_method = self.routes.iter().filter(|route| route.method == method || route.method == "ANY");
        let matching = of_method.filter_map(|route| Some((route, route.parameters(path)?)));
        if let Some((route, parameters)) = matching.min_by_key(|(_, parameters)| parameters.len()) {
            return Some(Found { key: &route.key, function: &route.function, parameters });
        }
        let function = self.default_function.as_deref()?;
        Some(Found { key: DEFAULT, function, parameters: BTreeMap::new() })
    }
}

impl Route {
    fn parameters(&self, path: &str) -> Option<BTreeMap<&str, String>> {
        let given: Vec<&str> = path.split('/').collect();
        if given.len() != self.segments.len() {
            return None;
        }
        let mut parameters = BTreeMap::new();
        for (segment, given) in self.segments.iter().zip(given) {
            match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
                Some(name) if !given.is_empty() => {
                    parameters.insert(name, given.to_owned());
                }
                None if segment == given => {}
                _ => return None,
            }
        }
        Some(parameters)
    }
}

/// Unescapes a path as an HTTP API does for `rawPath`: every escape but `%25`. Bytes that are not UTF-8 are replaced.
pub(crate) fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = (first == b'%').then(|| after.split_at_checked(2)).flatten();
        let escape = escape.and_then(|(digits, after)| Some((HEXLOWER_PERMISSIVE.decode(digits).ok()?.pop()?, after)));
        match escape {
            Some((byte, after)) if byte != b'%' => {
                bytes.push(byte);
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let routes = [
            ("GET /products/{productId}", "get-product"),
            ("GET /products/top", "list-bestsellers"),
            ("POST /coupons/issue", "issue-coupon"),
            ("GET /coupons/{couponId}", "get-coupon"),
            ("$default", "route-not-found"),
        ];
        Routes::new(&routes.map(|(key, function)| (key.to_owned(), function.to_owned())).into())
    }

    #[test]
    fn fixed_segments_come_before_parameters() {
        let routes = routes();
        assert_eq!(routes.find("GET", "/products/top").unwrap().function, "list-bestsellers");
        let found = routes.find("GET", "/products/tea").unwrap();
        assert_eq!((found.key, found.parameters["productId"].as_str()), ("GET /products/{productId}", "tea"));
        // A word that is a path of another method is an id here.
        assert_eq!(routes.find("GET", "/coupons/issue").unwrap().function, "get-coupon");
    }

    #[test]
    fn everything_else_is_the_default_routes() {
        for (method, path) in
            [("POST", "/products/tea"), ("GET", "/products/"), ("GET", "/products/tea/"), ("GET", "/")]
        {
            assert_eq!(routes().find(method, path).unwrap().key, "$default", "{method} {path}");
        }
        assert_eq!(Routes::new(&BTreeMap::new()).find("GET", "/"), None);
    }

    #[test]
    fn paths_are_unescaped_once() {
        for (path, plain) in [
            ("/a%2Fb", "/a/b"),
            ("/a%252Fb", "/a%252Fb"),
            ("/%EA%B9%80", "/김"),
            ("/%ff%25", "/\u{fffd}%25"),
            ("/%zz%4", "/%zz%4"),
            ("/%+1", "/%+1"),
        ] {
            assert_eq!(decoded(path), plain, "{path}");
        }
    }
}
