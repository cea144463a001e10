//! The operations, as the functions describe them.

use functions::ROUTES;
use utoipa::{
    OpenApi,
    openapi::{
        self, ContactBuilder, LicenseBuilder,
        path::{HttpMethod, Operation, PathItem},
        server::{ServerBuilder, ServerVariableBuilder},
    },
};

use super::Error;

/// The heading of the reference.
#[derive(OpenApi)]
#[openapi(
    info(title = "Jangteo", description = include_str!("introduction.md")),
    tags(
        (name = "Users", description = "Who buys, sells and runs the shop."),
        (name = "Balance", description = "Money that a user has put in, and every change of it."),
        (name = "Payments", description = "Money from outside: a top-up of the balance, or an order."),
        (name = "Products", description = "The catalogue, its stock, and what sells best."),
        (name = "Coupons", description = "Campaigns that issue a fixed number, first come, first served."),
        (name = "Drops", description = "The waiting line before a product or a campaign that many want at once."),
        (name = "Cart", description = "What a user means to order."),
        (name = "Orders", description = "Ordering, paying, cancelling, shipping, returning."),
        (name = "Claims", description = "Returns and exchanges of some units of an order."),
        (name = "Order sheets", description = "What an order would come to, frozen for a while."),
        (name = "Sellers", description = "The terms on which sellers ship."),
        (name = "Desk", description = "Products and campaigns for those who sell and run the shop, hidden ones too."),
        (name = "Exports", description = "Files of orders, products, ledgers, or of everything about a user."),
        (name = "API reference", description = "This reference."),
    ),
)]
pub(crate) struct Heading;

/// The address of a shop on AWS, where a custom domain does not replace it.
const DEPLOYED: &str = "https://{apiId}.execute-api.{region}.amazonaws.com";

/// The address of the local stack.
const LOCAL: &str = "http://127.0.0.1:9000";

/// Adds servers, contact and licence, which generators and linters ask for.
pub(crate) fn introduce(document: &mut openapi::OpenApi) {
    let variable =
        |default: &str, meaning: &str| ServerVariableBuilder::new().default_value(default).description(Some(meaning));
    let deployed = ServerBuilder::new()
        .url(DEPLOYED)
        .description(Some("A deployed shop."))
        .parameter("apiId", variable("api-id", "The id of its HTTP API."))
        .parameter("region", variable("ap-northeast-2", "Its region."));
    let local = ServerBuilder::new().url(LOCAL).description(Some("The local stack, `cargo xtask dev`."));
    document.servers = Some(vec![local.build(), deployed.build()]);
    document.info.contact = Some(ContactBuilder::new().name(Some("Jangteo")).build());
    // utoipa would take it from the package.
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
    document.info.license = Some(license.build());
}

/// The operation id that utoipa gives a handler without one.
const UNNAMED: &str = "handle";

/// Describes the routes that share a function with another one: the operation is the same, under a name of its own. All
/// operations come in the order of the routes.
pub(crate) fn add_twins(document: &mut openapi::OpenApi) -> Result<(), Error> {
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        if document.paths.get_path_operation(route.path, HttpMethod::Get).is_some() {
            continue;
        }
        let twins = ROUTES.iter().filter(|twin| twin.function == route.function);
        let described = twins.filter_map(|twin| document.paths.get_path_operation(twin.path, HttpMethod::Get)).next();
        let mut operation = described.cloned().ok_or(Error::Undescribed(*route))?;
        let last_segment = route.path.rsplit('/').next().unwrap_or_default();
        operation.operation_id = Some(camel_case(&format!("{}-{last_segment}", route.function)));
        document.paths.add_path_operation(route.path, vec![HttpMethod::Get], operation);
    }
    document.paths.paths.sort_by_cached_key(|path, _| ROUTES.iter().position(|route| route.path == path));
    Ok(())
}

/// Names each operation after its function, unless it has a name, and makes its first sentence its summary.
pub(crate) fn name(document: &mut openapi::OpenApi) {
    for (method, path, operation) in each_mut(document) {
        let paragraph = operation.summary.take().unwrap_or_default().replace('\n', " ");
        let (summary, rest) = paragraph.split_once(". ").unwrap_or((paragraph.trim_end_matches('.'), ""));
        operation.summary = Some(summary.to_owned());
        let description = [rest, operation.description.as_deref().unwrap_or_default()].join("\n\n");
        operation.description = Some(description.trim().to_owned()).filter(|text| !text.is_empty());

        let route = ROUTES.iter().find(|route| route.method == method && route.path == path);
        if let Some(route) = route.filter(|_| operation.operation_id.as_deref() == Some(UNNAMED)) {
            operation.operation_id = Some(camel_case(route.function));
        }
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}

/// Every operation with its method and path.
pub fn each(document: &openapi::OpenApi) -> impl Iterator<Item = (&'static str, &str, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        let methods = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        methods.into_iter().filter_map(move |(method, operation)| Some((method, path.as_str(), operation.as_ref()?)))
    })
}

/// Every operation with its method and path, to be changed.
pub(crate) fn each_mut(document: &mut openapi::OpenApi) -> impl Iterator<Item = (&'static str, &str, &mut Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        let PathItem { get, post, put, patch, delete, .. } = item;
        let methods = [("GET", get), ("POST", post), ("PUT", put), ("PATCH", patch), ("DELETE", delete)];
        methods.into_iter().filter_map(move |(method, operation)| Some((method, path.as_str(), operation.as_mut()?)))
    })
}
