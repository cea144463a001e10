//! What callers see of things: the shapes of the API.

mod cart;
mod coupon;
mod order;
mod product;
mod user;

pub use cart::{CartItemView, CartView};
pub use coupon::{CampaignView, IssuedCouponView, TermsView};
pub use order::{HistoryView, OrderLineView, OrderView, State, history};
pub use product::{BestsellerView, ListedProductView, ProductView, ShownStatus};
pub use user::{EntryView, UserView};
