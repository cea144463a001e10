//! Views: the shapes of things in the API.

mod cart;
mod coupon;
mod order;
mod product;
mod sheet;
mod user;

pub use cart::{CartItemView, CartView};
pub use coupon::{CampaignView, IssuedCouponView, TermsView};
pub use order::{HistoryView, OrderLineView, OrderView, PaymentView, State, history};
pub use product::{
    BestsellerView, DeskProductView, ListedDeskProductView, ListedProductView, ProductView, ShownStatus,
};
pub use sheet::{OrderSheetView, SheetLineView};
pub use user::{EntryView, UserView};
