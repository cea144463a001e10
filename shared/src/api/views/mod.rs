//! What callers see of things: the shapes of the API.

mod coupon;
mod order;
mod product;
mod user;

pub use coupon::{CampaignView, IssuedCouponView};
pub use order::{HistoryView, OrderView, history};
pub use product::{BestsellerView, ListedProductView, ProductView};
pub use user::{EntryView, UserView};
