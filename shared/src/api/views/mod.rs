//! Views: the shapes of things in the API.

mod cart;
mod claim;
mod coupon;
mod desk;
mod drops;
mod export;
mod order;
mod payment;
mod product;
mod seller;
mod sheet;
mod user;

pub use cart::{CartItemView, CartView};
pub use claim::{ClaimItemView, ClaimPreviewView, ClaimView, ReceivedItemView};
pub use coupon::{CampaignView, IssuedCouponView, OpenCampaignView, TermsView};
pub use desk::{DeskClaimView, DeskLineView};
pub use drops::{DropEntryStatus, DropEntryView, DropView};
pub use export::{ExportView, StartedExportView};
pub use order::{HistoryView, OrderLineView, OrderView, ParcelView, PaymentView, RefundView, State, history};
pub use payment::{CheckoutView, PurposeView, SessionRefundView, SessionView, WithdrawalView};
pub use product::{
    BestsellerView, DeskProductView, ListedDeskProductView, ListedProductView, ProductView, PurchaseLimitView,
    RunningOfferView, ShownStatus, TimedOfferView, YoursView,
};
pub use seller::SellerShippingView;
pub use sheet::{OrderSheetView, SheetLineView};
pub use user::{AccessView, BalanceView, EntryView, UserView};
