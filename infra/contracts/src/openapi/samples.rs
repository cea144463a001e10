//! Worked examples: one shop's story, in the very types that the functions answer with, and computed by the shop's own
//! rules.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::{
    api::{
        ApiError, Code, FieldErrors, Language,
        views::{
            self, AccessView, BalanceView, BestsellerView, CampaignView, CartView, ClaimPreviewView, ClaimView,
            DeskClaimView, DeskLineView, DeskProductView, DropEntryStatus, DropEntryView, DropView, EntryView,
            ExportView, IssuedCouponView, ListedDeskProductView, ListedProductView, OpenCampaignView, OrderSheetView,
            OrderView, ParcelView, PaymentView, ProductView, PurchaseLimitView, RunningOfferView, SellerShippingView,
            SessionView, ShownStatus, StartedExportView, TimedOfferView, UserView, WithdrawalView, YoursView,
        },
    },
    app::{
        Caller, Failure, Role,
        balance::{Charged, OpenedEntry},
        cart::{LiveCart, LiveItem},
        coupons::Remaining,
        desk::{DeskClaim, DeskLine},
        orders::AuthorizedOrder,
    },
    domain::{
        CouponId, DropId, ExportId, Invalid, OrderId, OrderItemId, OrderSheetId, PaymentId, ProductId, Quantity,
        Refusal, UserId, WithdrawalId, Won,
        account::Account,
        address::Address,
        counter_growth::CounterGrowth,
        coupon::CouponProblem,
        coupon::{Campaign, CampaignRow, CampaignStatus, CouponState, Discount, IssuedCoupon, Terms, Validity},
        export::{ExportKind, ExportStatus},
        ledger::{EntryHash, EntryKind, LedgerEntry},
        money::MAX_BALANCE,
        order::{
            Actor, ClaimPolicy, ClaimReason, ClaimType, Draft, Label, LineStatus, NewClaim, Order, OrderLine,
            ParcelStatus, allowed_next,
        },
        pricing::{self, ShippingPolicy},
        product::{Offer, Product, SaleStatus, SaleWindow},
        provider::ProviderName,
        purchase_limit::Within,
        refusal::Entity,
        scaling::{Scale, ScalingPolicy},
        session::{PaymentSession, Purpose},
        sheet::OrderSheet,
        swept::SweepPlan,
        user::{UserKind, UserStatus},
        withdrawal::{PayoutAccount, Withdrawal, WithdrawalStatus},
    },
    store::StoreError,
};
use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::Error;

/// The request that the examples of failures are about.
pub(crate) const REQUEST_ID: &str = "4dfb1d32-0b6e-4d3c-9a0f-5a3f5c1c8d7e";

const SHIPPING: ShippingPolicy = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };

/// Adds an example to each schema that has one.
pub(crate) fn add(document: &mut OpenApi) -> Result<(), Error> {
    for (name, example) in answers()?.into_iter().chain(bodies()) {
        let schemas = document.components.as_mut().map(|components| &mut components.schemas);
        match schemas.and_then(|schemas| schemas.get_mut(name)) {
            Some(RefOr::T(Schema::Object(object))) => object.examples = vec![example],
            Some(RefOr::T(Schema::AllOf(all))) => all.examples = vec![example],
            _ => return Err(Error::NoSample(name)),
        }
    }
    Ok(())
}

/// The samples of answers, by the names of their schemas.
fn answers() -> Result<Vec<(&'static str, Value)>, Error> {
    let mina = UserId::try_from("mina".to_owned())?;
    let product = product()?;
    let (tea, name, price, discount) =
        (product.product_id.clone(), product.name.clone(), product.price, product.discount);

    let user = UserView {
        user_id: mina.clone(),
        name: "김민아".to_owned(),
        email: "mina@example.com".to_owned(),
        phone: Some("010-1234-5678".to_owned()),
        address: Some(address()),
        kind: UserKind::Customer,
        status: UserStatus::Active,
        seller: None,
        created_at: at("2026-11-01T00:00:00Z")?,
        updated_at: at("2026-11-01T00:00:00Z")?,
    };
    let entry_id = "3vb7q2zk5m4x6n8w1t9c0rfadj".to_owned();
    let charge = Won::new(50_000);
    let entry = LedgerEntry {
        entry_id: entry_id.clone(),
        sequence: 1,
        kind: EntryKind::Charge,
        amount: charge,
        balance_after: charge,
        order_id: None,
        payment_id: None,
        actor: Some(Actor::Customer),
        reason: None,
        at: at("2026-11-20T00:59:00Z")?,
        before: EntryHash::NONE,
    };
    let account = Account { balance: charge, sequence: 1, head: entry.hash(&mina), ..Account::NEW };
    let balance = BalanceView::new(mina.clone(), &account);
    let listed = || ListedProductView {
        product_id: tea.clone(),
        name: name.clone(),
        price,
        discount,
        stock: 98,
        status: ShownStatus::OnSale,
    };
    let desk_listed = ListedDeskProductView {
        paused_status: None,
        product: listed(),
        seller_id: product.seller_id.clone(),
        stock_shards: 4,
        stock_shards_pinned: false,
        flash: false,
        flash_pinned: false,
        needs_shipping: true,
        created_at: at("2026-11-09T00:00:00Z")?,
        updated_at: product.updated_at,
    };
    let desk = DeskProductView {
        paused_status: None,
        product: self::product()?,
        stock_shards: 4,
        stock_shards_pinned: false,
        flash: false,
        flash_pinned: false,
        needs_shipping: true,
        created_at: at("2026-11-09T00:00:00Z")?,
    };
    let listed = listed();
    let (cart, yours) = (cart(&product)?, yours(&product)?);
    let bestseller = BestsellerView {
        rank: 1,
        product_id: tea,
        name,
        price,
        discount,
        stock: 98,
        status: ShownStatus::OnSale,
        sold_quantity: 128,
    };
    let (order_id, draft) = order()?;
    let ordered_at = draft.at;
    let sheet = sheet()?;
    let order = Order::paid(order_id.clone(), draft);
    let payment = PaymentView {
        payment_id: order_id.to_string(),
        order_id,
        method: order.payment,
        amount: order.paid,
        status: order.payment_status().ok_or(Error::NoSample("Payment"))?,
        at: ordered_at,
    };
    let session = session(&order)?;
    let withdrawal = WithdrawalView::new(withdrawal(&mina)?, Some(Won::new(30_000)));
    let caller = Caller { user_id: mina.clone(), role: Role::Customer };
    let desk_line = desk_line(&order).ok_or(Error::NoSample("DeskLine"))?;
    let order = AuthorizedOrder::for_caller(&caller, order, ordered_at)?.ok_or(Error::NoSample("Order"))?;
    let history = views::history(&order);
    let seller_shipping = SellerShippingView {
        seller_id: UserId::try_from("namdaemun".to_owned())?,
        own: true,
        fee: Won::new(2_500),
        free_from: Won::new(50_000),
        return_fee: Won::new(2_500),
    };
    let drop = DropView {
        drop_id: drop_id()?,
        product_id: Some(product.product_id.clone()),
        coupon_id: None,
        opens_at: at("2026-11-27T11:00:00Z")?,
        enabled: true,
        waiting: 812,
        inside: 100,
        sold_out: false,
        created_at: at("2026-11-20T03:00:00Z")?,
        updated_at: at("2026-11-20T03:00:00Z")?,
    };
    let drop_entry = DropEntryView {
        drop_id: drop_id()?,
        ticket: "AAUAAAAAAAAAewAAAaMRqRyAq1JmY0m8o3xk0c3l4mXJ8a5nq7sTQy2VbU9eWf6dHhA".to_owned(),
        place: 41,
        status: DropEntryStatus::Waiting,
        estimated_at: Some(at("2026-11-27T11:00:04Z")?),
        admitted_until: None,
        sold_out: false,
    };
    let label = Label { carrier: "CJ대한통운".to_owned(), tracking_number: "688012345678".to_owned() };
    let shipped = order.order.ship(&[(1, 1)].into(), label, Actor::Admin, at("2026-11-21T00:00:00Z")?);
    let shipped = shipped.map_err(|_| Error::NoSample("Parcel"))?;
    let parcel = shipped.parcel(1).ok_or(Error::NoSample("Parcel"))?;
    let delivered = shipped.move_parcel(1, ParcelStatus::Delivered, Actor::Admin, at("2026-11-22T00:00:00Z")?);
    let delivered = delivered.ok().flatten().ok_or(Error::NoSample("Claim"))?;
    let shipped = ParcelView::new(&shipped, 1, parcel);
    let new = NewClaim {
        kind: ClaimType::Return,
        items: [(1, 1)].into(),
        reason: ClaimReason::ChangeOfMind,
        text: Some("색이 생각과 달라요".to_owned()),
    };
    let asked_at = at("2026-11-23T00:00:00Z")?;
    let claimed = delivered.request_claim(&new, &ClaimPolicy::DEFAULT, Actor::Customer, asked_at);
    let claimed = claimed.map_err(|_| Error::NoSample("Claim"))?;
    let desk_claim = DeskClaim::from_order(&claimed, 1).ok_or(Error::NoSample("DeskClaim"))?;
    let claimed = AuthorizedOrder::for_caller(&caller, claimed, asked_at)?.ok_or(Error::NoSample("Claim"))?;
    let (claim_view, preview) = (ClaimView::new(&claimed, 1)?, ClaimPreviewView::new(&claimed, 1)?);
    let order = OrderView::try_from(order)?.shipped_to(Some(address()));

    Ok(vec![
        ("User", serde_json::to_value(user)?),
        ("Address", serde_json::to_value(address())?),
        ("Access", serde_json::to_value(access(&mina)?)?),
        ("Charged", serde_json::to_value(Charged { user_id: mina.clone(), balance: charge, entry_id })?),
        ("Balance", serde_json::to_value(balance)?),
        ("LedgerEntry", serde_json::to_value(EntryView::from(OpenedEntry { entry, reason: None }))?),
        ("Product", serde_json::to_value(product)?),
        ("Yours", serde_json::to_value(yours)?),
        ("ListedProduct", serde_json::to_value(listed)?),
        ("DeskProduct", serde_json::to_value(desk)?),
        ("ListedDeskProduct", serde_json::to_value(desk_listed)?),
        ("DeskClaim", serde_json::to_value(DeskClaimView::from(desk_claim))?),
        ("DeskLine", serde_json::to_value(DeskLineView::from(desk_line))?),
        ("Bestseller", serde_json::to_value(bestseller)?),
        (
            "CouponCampaign",
            serde_json::to_value(CampaignView::from(Remaining {
                campaign: campaign()?,
                remaining: 412,
                budget_left: None,
            }))?,
        ),
        ("OpenCampaign", serde_json::to_value(OpenCampaignView::from(CampaignRow::new(&campaign()?)))?),
        ("IssuedCoupon", serde_json::to_value(IssuedCouponView::at(ordered_at, issued_coupon()?))?),
        ("Cart", serde_json::to_value(cart)?),
        ("Order", serde_json::to_value(order)?),
        ("Drop", serde_json::to_value(drop)?),
        ("DropEntry", serde_json::to_value(drop_entry)?),
        ("SellerShipping", serde_json::to_value(seller_shipping)?),
        ("Parcel", serde_json::to_value(shipped)?),
        ("Claim", serde_json::to_value(claim_view)?),
        ("ClaimPreview", serde_json::to_value(preview)?),
        ("HistoryEntry", serde_json::to_value(history.into_iter().next())?),
        ("Payment", serde_json::to_value(payment)?),
        ("PaymentSession", serde_json::to_value(session)?),
        ("Withdrawal", serde_json::to_value(withdrawal)?),
        ("StartedExport", serde_json::to_value(StartedExportView { export_id: export_id()? })?),
        ("Export", serde_json::to_value(export()?)?),
        ("OrderSheet", serde_json::to_value(OrderSheetView::at(ordered_at, sheet)?)?),
    ])
}

/// A parcel with one of the two units of the story's order.
pub(crate) fn parcel() -> Value {
    json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ대한통운", "trackingNumber": "688012345678" })
}

/// A claim of one of the two units of the story's order.
pub(crate) fn claim() -> Value {
    json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "CHANGE_OF_MIND", "text": "색이 생각과 달라요" })
}

/// The receipt of that claim.
pub(crate) fn receipt() -> Value {
    json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] })
}

fn desk_line(order: &Order) -> Option<DeskLine> {
    let item_id = OrderItemId::try_from("1".to_owned()).ok()?;
    let (line, paid_at) = (order.line(1)?.clone(), order.paid_at?);
    let to_ship = order.unshipped_units(1);
    let (order_id, created_at) = (order.order_id.clone(), order.created_at);
    Some(DeskLine { order_id, item_id, line, to_ship, created_at, paid_at, ship_to: Some(address()) })
}

/// The samples of bodies, by the names of their schemas.
fn bodies() -> Vec<(&'static str, Value)> {
    vec![
        (
            "NewUser",
            json!({ "userId": "mina", "name": "김민아", "email": "mina@example.com", "phone": "010-1234-5678" }),
        ),
        (
            "NewAddress",
            json!({ "postcode": "63122", "line1": "제주특별자치도 제주시 연동 1", "line2": "301호", "note": "문 앞" }),
        ),
        (
            "NewExport",
            json!({ "of": "ORDERS", "from": "2026-11-01T00:00:00+09:00", "to": "2026-12-01T00:00:00+09:00" }),
        ),
        ("NewUserWithdrawal", json!({ "forfeit": true })),
        ("OrderChange", json!({ "shipTo": { "postcode": "63122", "line1": "제주특별자치도 제주시 연동 1" } })),
        ("UserChange", json!({ "phone": "010-8765-4321" })),
        ("Charge", json!({ "userId": "mina", "amount": 50_000 })),
        (
            "NewProduct",
            json!({
                "productId": "hallabong-tea",
                "name": "한라봉차 500 g",
                "category": "차",
                "price": 12_000,
                "discount": 1_000,
                "stock": 100,
            }),
        ),
        ("ProductChange", json!({ "price": 13_000 })),
        ("Restock", json!({ "quantity": 50 })),
        (
            "NewCouponCampaign",
            json!({
                "couponId": "welcome-5000",
                "name": "첫 구매 5,000원",
                "kind": "FIXED",
                "value": 5_000,
                "minOrderAmount": 20_000,
                "totalQuantity": 1_000,
                "issueFrom": "2026-11-20T00:00:00+09:00",
                "issueUntil": "2026-12-01T00:00:00+09:00",
                "validDays": 30,
            }),
        ),
        ("CouponCampaignChange", json!({ "status": "PAUSED" })),
        ("CouponIssue", json!({ "userId": "mina", "couponId": "welcome-5000" })),
        ("CouponRevocation", json!({ "userId": "mina", "couponId": "welcome-5000" })),
        ("NewCartItem", json!({ "productId": "hallabong-tea", "quantity": 2 })),
        (
            "NewOrder",
            json!({
                "userId": "mina",
                "items": [{ "productId": "hallabong-tea", "quantity": 2 }],
                "couponId": "welcome-5000",
            }),
        ),
        (
            "NewOrderSheet",
            json!({
                "userId": "mina",
                "items": [{ "productId": "hallabong-tea", "quantity": 2 }],
                "couponId": "welcome-5000",
            }),
        ),
        ("NewCancellation", json!({ "items": [{ "itemId": "1", "quantity": 1 }], "reason": "하나만 필요해요" })),
        ("OrderItemChange", json!({ "status": "SHIPPED" })),
        ("NewParcel", parcel()),
        ("NewClaim", claim()),
        ("ClaimDecision", json!({ "accept": true, "reason": "보내 주세요" })),
        ("ClaimReceipt", receipt()),
        ("NewSellerShipping", json!({ "fee": 2_500, "freeFrom": 50_000, "returnFee": 2_500 })),
        ("ParcelChange", json!({ "status": "DELIVERED" })),
        ("RefundRetry", json!({ "to": "BALANCE" })),
        ("NewPayment", json!({ "purpose": { "type": "TOP_UP", "userId": "mina", "amount": 50_000 } })),
        ("Confirmation", json!({ "paymentKey": "tgen_20261126172042abcd1", "amount": 50_000 })),
        ("NewPaymentRefund", json!({ "amount": 5_000 })),
        ("Adjustment", json!({ "userId": "mina", "amount": -500, "reason": "중복 적립 정정" })),
        (
            "NewWithdrawal",
            json!({
                "userId": "mina",
                "amount": 20_000,
                "account": { "bank": "088", "number": "110-123-456789", "holder": "김민아" },
            }),
        ),
        ("WithdrawalChange", json!({ "status": "PAID_OUT" })),
    ]
}

/// The session in which the order would be paid, if it waited for money from outside.
fn session(order: &Order) -> Result<SessionView, Error> {
    let payment_id = order.session_id().ok_or(Error::NoSample("PaymentSession"))?;
    let purpose = (Purpose::Order { order_id: order.order_id.clone() }, order.amounts.payable);
    let times = (order.created_at, at("2026-11-20T01:10:00Z")?);
    let session = PaymentSession::new(payment_id, order.user_id.clone(), purpose, ProviderName::Toss, times);
    let first_item = order.items.first().map(|line| line.name.clone());
    let session = PaymentSession { first_item, ..session };
    Ok(SessionView::at(order.created_at, session, "test_ck_local", Language::Korean))
}

/// An address, with the name and the telephone number of its user.
fn address() -> Address {
    let text = |text: &str| Some(text.to_owned());
    Address {
        name: text("김민아"),
        phone: text("010-1234-5678"),
        postcode: text("63122"),
        line1: text("제주특별자치도 제주시 연동 1"),
        line2: text("301호"),
        note: text("문 앞"),
    }
}

/// A look of an admin at a user.
fn access(user: &UserId) -> Result<AccessView, Error> {
    Ok(AccessView {
        access_id: "4vb7q2zk5m4x6n8w1t9c0rfadj".to_owned(),
        user_id: user.clone(),
        actor_id: UserId::try_from("admin".to_owned())?,
        role: Actor::Admin,
        route: "GET /users/{userId}".to_owned(),
        order_id: None,
        export_id: None,
        at: at("2026-11-20T02:00:00Z")?,
    })
}

fn drop_id() -> Result<DropId, Error> {
    Ok(DropId::try_from("friday".to_owned())?)
}

fn export_id() -> Result<ExportId, Error> {
    Ok(ExportId::try_from("x2v4mb8n1t9c0rfakq3d6s7wz5".to_owned())?)
}

/// A file of lines of orders.
fn export() -> Result<ExportView, Error> {
    Ok(ExportView {
        export_id: export_id()?,
        of: ExportKind::Orders,
        from: at("2026-10-31T15:00:00Z")?,
        to: at("2026-11-30T15:00:00Z")?,
        status: ExportStatus::Done,
        rows: 1_284,
        link: Some("https://shop-exportfiles.s3.ap-northeast-2.amazonaws.com/shop/x2v4mb8n1t9c0rfakq3d6s7wz5/file?X-Amz-Expires=600".to_owned()),
        link_expires_at: Some(at("2026-12-01T00:12:00Z")?),
        created_at: at("2026-12-01T00:00:00Z")?,
        expires_at: at("2026-12-02T00:00:00Z")?,
    })
}

/// A withdrawal of a user.
///
/// # Errors
/// As [`sheet`].
pub fn withdrawal(user: &UserId) -> Result<Withdrawal, Error> {
    let account = |text: &str| text.to_owned();
    Ok(Withdrawal {
        withdrawal_id: WithdrawalId::try_from("c0rfakq3d6s7wz5x2v4mb8n1t9".to_owned())?,
        user_id: user.clone(),
        amount: Won::new(20_000),
        account: PayoutAccount {
            bank: account("088"), number: account("110-123-456789"), holder: account("김민아")
        },
        status: WithdrawalStatus::Requested,
        created_at: at("2026-11-20T02:00:00Z")?,
        updated_at: at("2026-11-20T02:00:00Z")?,
        version: 1,
    })
}

fn cart(product: &ProductView) -> Result<CartView, Error> {
    let offer = Offer { price: product.price, discount: product.discount, status: SaleStatus::OnSale, terms: None };
    let (id, name, quantity) = (product.product_id.clone(), product.name.clone(), Quantity::try_from(2)?);
    let item = LiveItem::of(id, name, offer, product.stock, quantity).map_err(|_| Error::NoSample("Cart"))?;
    let total = item.amount;
    Ok(CartView::from(LiveCart { items: vec![item], total }))
}

fn timed_offer() -> Result<TimedOfferView, Error> {
    let (from, until) = (at("2026-11-20T00:00:00Z")?, at("2026-11-27T00:00:00Z")?);
    Ok(TimedOfferView { discount: Won::new(6_000), from, until, quantity: Some(100) })
}

fn yours(product: &ProductView) -> Result<YoursView, Error> {
    let offer = timed_offer()?;
    Ok(YoursView {
        product_id: product.product_id.clone(),
        price: product.price,
        discount: offer.discount,
        bought: Some(1),
        left: Some(1),
        sale_from: product.sale_from,
        sale_until: product.sale_until,
        offer: Some(RunningOfferView { offer, left: Some(37) }),
    })
}

/// A product as it is stored, of one shard.
pub(crate) fn stored_product(created_at: Timestamp) -> Result<Product, Error> {
    let view = product()?;
    let scale = Scale::new(None, None, &ScalingPolicy::DEFAULT);
    Ok(Product {
        product_id: view.product_id,
        name: view.name,
        description: view.description,
        category: view.category,
        seller_id: view.seller_id,
        offer: Offer { price: view.price, discount: view.discount, status: SaleStatus::OnSale, terms: None },
        paused_status: None,
        stock_shards: scale.shards,
        flash: scale.flash,
        drop_id: None,
        scaling: scale.scaling,
        needs_shipping: true,
        limit: None,
        window: SaleWindow::default(),
        offers: Vec::new(),
        sweep: SweepPlan::default(),
        version: 1,
        created_at,
        updated_at: None,
    })
}

fn product() -> Result<ProductView, Error> {
    Ok(ProductView {
        product_id: ProductId::try_from("hallabong-tea".to_owned())?,
        name: "한라봉차 500 g".to_owned(),
        description: Some("제주 한라봉을 꿀에 재운 차.".to_owned()),
        category: Some("차".to_owned()),
        price: Won::new(12_000),
        discount: Won::new(1_000),
        stock: 98,
        status: ShownStatus::OnSale,
        seller_id: Some(UserId::try_from("jeju-farm".to_owned())?),
        limit: Some(PurchaseLimitView { per_user: 2, within: Within::Day }),
        sale_from: Some(at("2026-11-12T00:00:00Z")?),
        sale_until: None,
        offers: vec![timed_offer()?],
        drop_id: None,
        updated_at: at("2026-11-10T00:00:00Z")?,
        as_of: None,
    })
}

/// The sheet of the order.
///
/// # Errors
/// If a sample breaks a rule of the domain; so of all of these.
pub fn sheet() -> Result<OrderSheet, Error> {
    let sheet_id = OrderSheetId::try_from("wz5x2v4mb8n1t9c0rfakq3d6s7".to_owned())?;
    Ok(OrderSheet::new(sheet_id, order()?.1, at("2026-11-20T01:30:00Z")?))
}

/// The id and the draft of an order.
///
/// # Errors
/// As [`sheet`].
pub fn order() -> Result<(OrderId, Draft), Error> {
    let product = product()?;
    let line = OrderLine {
        product_id: product.product_id.clone(),
        seller_id: product.seller_id.clone(),
        name: product.name.clone(),
        quantity: Quantity::try_from(2)?,
        cancelled_quantity: 0,
        limit: None,
        quota: None,
        scrapped: 0,
        unit_price: product.price,
        unit_discount: product.discount,
        coupon_share: Won::ZERO,
        outside_scope: false,
        status: LineStatus::PendingPayment,
    };
    let campaign = campaign()?;
    let quote = pricing::quote(&[line.priced()], Some(&campaign.terms), SHIPPING);
    let draft = Draft {
        user_id: UserId::try_from("mina".to_owned())?,
        actor: Actor::Customer,
        items: vec![line],
        quote: quote.map_err(|_| Error::NoSample("Order"))?,
        coupon_id: Some(campaign.coupon_id),
        budget_shards: None,
        order_sheet_id: None,
        at: at("2026-11-20T01:00:00Z")?,
    };
    Ok((OrderId::try_from("kq3d6s7wz5x2v4mb8n1t9c0rfa".to_owned())?, draft))
}

/// The campaign of the coupon.
///
/// # Errors
/// As [`sheet`].
pub fn campaign() -> Result<Campaign, Error> {
    Ok(Campaign {
        coupon_id: CouponId::try_from("welcome-5000".to_owned())?,
        name: "첫 구매 5,000원".to_owned(),
        description: Some("첫 주문에 쓰는 쿠폰입니다.".to_owned()),
        terms: Terms { min_order_amount: Some(Won::new(20_000)), ..Discount::Fixed(Won::new(5_000)).into() },
        total_quantity: 1_000,
        issue_from: at("2026-11-19T15:00:00Z")?,
        issue_until: at("2026-11-30T15:00:00Z")?,
        validity: Validity::Days(30),
        counter_shards: 1,
        growth: CounterGrowth::default(),
        created_at: at("2026-11-18T00:00:00Z")?,
        updated_at: None,
        status: CampaignStatus::Active,
        version: 0,
        first_quantity: None,
        drop_id: None,
        has_row: true,
        max_total_discount: None,
        budget_shards: None,
        sweep: SweepPlan::default(),
    })
}

/// The coupon of the order, as it was before its use.
///
/// # Errors
/// As [`sheet`].
pub fn issued_coupon() -> Result<IssuedCoupon, Error> {
    let campaign = campaign()?;
    let issued_at = at("2026-11-20T00:58:00Z")?;
    Ok(IssuedCoupon {
        issued_coupon_id: "x7n4v2m9q1k5z8w3t6c0rfadjb".to_owned(),
        user_id: UserId::try_from("mina".to_owned())?,
        budget_shards: None,
        state: CouponState::Usable,
        issued_at,
        expires_at: campaign.expiry(issued_at)?,
        coupon_id: campaign.coupon_id,
        name: campaign.name,
        description: campaign.description,
        terms: campaign.terms,
        used_at: None,
        order_id: None,
        revoked_at: None,
        reissues: 0,
    })
}

fn at(text: &str) -> Result<Timestamp, Error> {
    Ok(text.parse()?)
}

pub(crate) fn failure(code: Code) -> Result<ApiError, Error> {
    let product_id = ProductId::try_from("hallabong-tea".to_owned())?;
    let range = Invalid::Range { min: Quantity::MIN, max: Quantity::MAX };
    let refusal = match code {
        Code::InvalidRequest => return Ok(FieldErrors::one("items[0].quantity", range).into()),
        Code::MethodNotAllowed => return Ok(ApiError::MethodNotAllowed(vec!["GET"])),
        Code::PayloadTooLarge => return Ok(ApiError::TooLarge),
        Code::UnsupportedMediaType => return Ok(ApiError::NotJson),
        Code::InternalServerError => return Ok(ApiError::Failed(Failure::Internal("an example"))),
        Code::TryAgain => return Ok(ApiError::Failed(StoreError::Busy("an example".to_owned()).into())),
        Code::Unauthenticated => Refusal::Unauthenticated,
        Code::Forbidden => Refusal::Forbidden,
        Code::EntityNotFound => Refusal::not_found(Entity::Product, product_id),
        Code::BalanceNotEnough => Refusal::BalanceNotEnough {
            order_id: Some(OrderId::try_from("w5x2v4mb8n1t9c0rfakq3d6s7z".to_owned())?),
            payable: Won::new(20_000),
            balance: Won::new(7_000),
        },
        Code::AddressRequired => Refusal::AddressRequired { missing: vec!["postcode"] },
        Code::PaymentAmountMismatch => Refusal::PaymentAmountMismatch {
            payment_id: PaymentId::try_from("order_w5x2v4mb8n1t9c0rfakq3d6s7z".to_owned())?,
            amount: Won::new(20_000),
            named: Won::new(2_000),
        },
        Code::StockNotEnough => Refusal::StockNotEnough { product_id, requested: 2, available: 1 },
        Code::CouponSoldOut => Refusal::CouponSoldOut,
        Code::CouponAlreadyIssued => Refusal::CouponAlreadyIssued,
        Code::CouponNotUsable => Refusal::CouponNotUsable {
            coupon_id: CouponId::try_from("welcome-5000".to_owned())?,
            reason: CouponProblem::Used,
        },
        Code::CouponNotIssuable => Refusal::CouponNotIssuable,
        Code::ProductNotOnSale => Refusal::NotOnSale { product_id },
        Code::PriceChanged => {
            Refusal::PriceChanged { product_id, quoted: Won::new(11_000), current: Won::new(12_000), offer_left: None }
        }
        Code::OrderStateConflict => Refusal::LineStateConflict {
            order_id: OrderId::try_from("kq3d6s7wz5x2v4mb8n1t9c0rfa".to_owned())?,
            item_id: "1".to_owned(),
            status: LineStatus::Delivered,
            allowed: allowed_next(LineStatus::Delivered, None, Actor::Customer),
        },
        Code::OrderSheetExpired => {
            Refusal::SheetExpired { order_sheet_id: OrderSheetId::try_from("wz5x2v4mb8n1t9c0rfakq3d6s7".to_owned())? }
        }
        Code::UserNotActive => Refusal::UserNotActive,
        Code::AlreadyExists => Refusal::AlreadyExists(Entity::Product),
        Code::LimitExceeded => Refusal::LimitExceeded { limit: "balance", max: MAX_BALANCE.get() },
        Code::TooManyRequests => Refusal::TooManyRequests { limit: "pendingOrders", max: 20, retry_after_s: 60 },
        Code::PreconditionFailed => Refusal::PreconditionFailed,
        Code::IdempotencyKeyReused => Refusal::IdempotencyKeyReused,
    };
    Ok(refusal.into())
}
