//! Every function with the name of its folder, as a router would call them.

use shared::lambda::serve::Endpoint;

pub fn endpoint(function: &str) -> Option<Endpoint> {
    Some(match function {
        "add-to-cart" => |shop, request| Box::pin(add_to_cart::handle(shop, request)),
        "api-reference" => |_, request| Box::pin(async { api_reference::handle(request) }),
        "cancel-order" => |shop, request| Box::pin(cancel_order::handle(shop, request)),
        "charge-balance" => |shop, request| Box::pin(charge_balance::handle(shop, request)),
        "create-coupon" => |shop, request| Box::pin(create_coupon::handle(shop, request)),
        "create-order" => |shop, request| Box::pin(create_order::handle(shop, request)),
        "create-order-sheet" => |shop, request| Box::pin(create_order_sheet::handle(shop, request)),
        "create-product" => |shop, request| Box::pin(create_product::handle(shop, request)),
        "create-user" => |shop, request| Box::pin(create_user::handle(shop, request)),
        "get-balance" => |shop, request| Box::pin(get_balance::handle(shop, request)),
        "get-cart" => |shop, request| Box::pin(get_cart::handle(shop, request)),
        "get-coupon" => |shop, request| Box::pin(get_coupon::handle(shop, request)),
        "get-desk-product" => |shop, request| Box::pin(get_desk_product::handle(shop, request)),
        "get-order" => |shop, request| Box::pin(get_order::handle(shop, request)),
        "get-order-history" => |shop, request| Box::pin(get_order_history::handle(shop, request)),
        "get-order-sheet" => |shop, request| Box::pin(get_order_sheet::handle(shop, request)),
        "get-product" => |shop, request| Box::pin(get_product::handle(shop, request)),
        "get-user" => |shop, request| Box::pin(get_user::handle(shop, request)),
        "issue-coupon" => |shop, request| Box::pin(issue_coupon::handle(shop, request)),
        "list-balance-entries" => |shop, request| Box::pin(list_balance_entries::handle(shop, request)),
        "list-bestsellers" => |shop, request| Box::pin(list_bestsellers::handle(shop, request)),
        "list-coupons" => |shop, request| Box::pin(list_coupons::handle(shop, request)),
        "list-desk-campaigns" => |shop, request| Box::pin(list_desk_campaigns::handle(shop, request)),
        "list-desk-products" => |shop, request| Box::pin(list_desk_products::handle(shop, request)),
        "list-order-payments" => |shop, request| Box::pin(list_order_payments::handle(shop, request)),
        "list-orders" => |shop, request| Box::pin(list_orders::handle(shop, request)),
        "list-products" => |shop, request| Box::pin(list_products::handle(shop, request)),
        "pay-order" => |shop, request| Box::pin(pay_order::handle(shop, request)),
        "remove-from-cart" => |shop, request| Box::pin(remove_from_cart::handle(shop, request)),
        "restock-product" => |shop, request| Box::pin(restock_product::handle(shop, request)),
        "revoke-coupon" => |shop, request| Box::pin(revoke_coupon::handle(shop, request)),
        "route-not-found" => |_, request| Box::pin(async { route_not_found::handle(request) }),
        "update-order-item" => |shop, request| Box::pin(update_order_item::handle(shop, request)),
        "update-product" => |shop, request| Box::pin(update_product::handle(shop, request)),
        "update-user" => |shop, request| Box::pin(update_user::handle(shop, request)),
        _ => return None,
    })
}
