//! Planted bugs, to see that they are found: each changes the requests of functions, on the wire. None is in anything
//! that ships.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::app::{Bounds, Policy};

use super::plan::Subject;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutant {
    /// The effect of the bug.
    pub name: &'static str,
    changes: &'static [Change],
}

/// A change of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// These writes have no condition.
    Unconditional(Writes),
    /// This part of their condition always holds.
    Weakened(Writes, &'static str),
    /// This part of their condition holds for no item that is there already.
    Narrowed(Writes, &'static str),
    /// These writes are left out of their transaction.
    LeftOut(Writes),
    /// A value of these writes is so many times the right one.
    Multiplied(Writes, &'static str, i64),
    /// Events of this kind are lost.
    Lost(&'static str),
    /// Events of this kind have another id each time they are published.
    Renamed(&'static str),
    /// These writes leave these attributes unchanged.
    Kept(Writes, &'static [&'static str]),
    /// A query ends with its first page if its partition or sort keys begin so.
    Ended(&'static str),
    /// Such a query leaves out the last item of each page.
    Skipped(&'static str),
    /// Entries of this cache are used for hours.
    Aged(Cached),
    /// A batch of reads takes twice the keys that it may.
    Loosened,
    /// These puts, or the values of these updates, have another text in place of one.
    Replaced(Writes, &'static str, &'static str),
    /// These writes are refused as outdated if one of their values has this text.
    Refused(Writes, &'static str),
    /// Another change, in commits of an order whose last step is this.
    During(&'static str, &'static Self),
    /// Units that an order scraps go back on the shelf.
    Restocked,
    /// The claims of an order lack this field.
    Stripped(&'static str),
    /// The shop confirms purchases at once.
    Impatient,
    /// The shop deals wrongly with the payment provider.
    Provider(ProviderBug),
}
use Change::{
    Aged, During, Ended, Impatient, Kept, LeftOut, Loosened, Lost, Multiplied, Narrowed, Provider, Refused, Renamed,
    Replaced, Restocked, Skipped, Stripped, Unconditional, Weakened,
};

/// A bug in the shop's dealings with the payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProviderBug {
    /// A payment of any amount is confirmed, and taken for the amount of its session.
    AnyAmount,
    /// A notice is believed without a look-up: each is taken for the arrival of money.
    BelievedNotice,
    /// The sweep takes every payment for one that the provider does not have.
    UnseenSuccess,
}

/// The caches of a function that expire by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cached {
    Products,
    Recent,
    SoldOut,
}

/// Writes of items with these prefixes of partition key and sort key, and with this text. The text is a part of an
/// update's expression, or of the attribute names of a put, in order, between `put ` and a full stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Writes(&'static str, &'static str, &'static str);

const ACCOUNT: Writes = Writes("USER#", "ACCOUNT", "#balance");
const LEDGER: Writes = Writes("USER#", "LEDGER#", "put ");
const COUPON_ISSUED: Writes = Writes("USER#", "COUPON#", "put ");
const COUPON_USED: Writes = Writes("USER#", "COUPON#", "SET #state = :used");
const COUPON_BACK: Writes = Writes("USER#", "COUPON#", "SET #state = :usable");
const BUDGET_SPENT: Writes = Writes("BUDGET#", "BUDGET", "SET #left = #left - :amount");
const BUDGET_BACK: Writes = Writes("BUDGET#", "BUDGET", "SET #left = #left + :amount");
const ORDER: Writes = Writes("ORDER#", "ORDER", "put ");
const PAYMENT: Writes = Writes("ORDER#", "PAYMENT#", "put ");
const SHEET_ORDERED: Writes = Writes("SHEET#", "SHEET", "#orderId = :order");
const PRODUCT: Writes = Writes("PRODUCT#", "PRODUCT", "put ");
const SOLD: Writes = Writes("STOCK#", "STOCK", "SET #remaining = #remaining - :units.");
const RESERVED: Writes = Writes("STOCK#", "STOCK", "#drawn = #drawn + :units");
const RESTOCKED: Writes = Writes("STOCK#", "STOCK", "#received = #received + :units");
const UNITS_BACK: Writes = Writes("STOCK#", "STOCK", "SET #remaining = #remaining + :units.");
const UNITS_OUT: Writes = Writes("STOCK#", "STOCK", "#received = #received - :units");
const UNITS_IN: Writes = Writes("STOCK#", "STOCK", "#received = #received + :received");
const UNITS_CLAIMED: Writes = Writes("UNITS#", "UNITS", "put orderId");
const UNITS_VOID: Writes = Writes("UNITS#", "UNITS", "put pk sk units.");
const TICKET: Writes = Writes("COUNTER#", "COUNTER", "SET #next");
const LIMIT: Writes = Writes("COUNTER#", "COUNTER", "SET #limit");
const BOUND: Writes = Writes("COUNTER#", "COUNTER", "SET #limit = #limit + :added");
const TICKETS_GIVEN: Writes = Writes("COUNTER#", "COUNTER", "#limit = #limit - :given");
const COUNTERS_ADDED: Writes = Writes("CAMPAIGN#", "CAMPAIGN", "#scaledAt = :scaledAt");
const ROW_GONE: Writes = Writes("OPENCAMPAIGNS", "UNTIL#", "delete");
const TICKET_CLAIMED: Writes = Writes("SLOT#", "SLOT", "put pk sk userId");
const COUNT: Writes = Writes("SALES#", "SALES", "#lastSoldAt = :lastSoldAt");
const RANKED_AGAIN: Writes = Writes("SALES#", "SALES", "REMOVE #offSale");
const RANK: &[&str] = &["bySalesPk", "bySalesSk"];
const MARK: Writes = Writes("COUNTED#", "COUNTED", "put ");
const HELD: Writes = Writes("USER#", "ACCOUNT", "ADD #heldOrders");
const CART: Writes = Writes("USER#", "CART", "if_not_exists(#items");
const CLAIM: Writes = Writes("PAYMENT#", "PAYMENT", "put ");
const EMAIL_CLAIMED: Writes = Writes("EMAIL#", "EMAIL", "put ");
const EMAIL_RELEASED: Writes = Writes("EMAIL#", "EMAIL", "delete");
const PROFILE: Writes = Writes("USER#", "PROFILE", "put ");
const SELLER_CHANGE: Writes = Writes("SELLER#", "CHANGE", "put ");
const SELLER_PRODUCT: Writes = Writes("SELLER#", "PRODUCT#", "put ");
const REQUEST: Writes = Writes("REQUEST#", "REQUEST", "put ");
const SESSION: Writes = Writes("SESSION#", "SESSION", "put ");
const SESSION_ASKING: Writes = Writes("SESSION#", "SESSION", " expiresAt lookAt payload ");
const SESSION_PAID: Writes = Writes("SESSION#", "SESSION", " paidAt ");
const PAID_OUTSIDE: Writes = Writes("ORDER#", "ORDER", " payment paymentId ");
const CONFIRMATION: Writes = Writes("ORDER#", "CONFIRMATION", "put ");
const CONFIRMED: Writes = Writes("ORDER#", "CONFIRMATION", "delete");
const DESK_ROW: Writes = Writes("DESK", "DESK#", "#byTimePk = :byTimePk");
const ERASURE: Writes = Writes("USER#", "ERASURE", "put ");
const KEY_ERASED: Writes = Writes("USER#", "KEY", "delete");
const EXPORTS_FORGOTTEN: Writes = Writes("USER#", "EXPORTS", "delete");
const ADDRESS_ERASED: Writes = Writes("USER#", "ADDRESS#", "delete");
const LIMITED: Writes = Writes("USER#", "LIMIT#", "ADD #units :units");
const LIMITED_BACK: Writes = Writes("USER#", "LIMIT#", "ADD #units :back");
const TICKET_SERVED: Writes = Writes("PLACE#", "PLACE", "put ");
const NUMBER: Writes = Writes("LINE#", "LINE", "SET #next = #next + :one");
const LINE_STEP: Writes = Writes("DROP#", "DROP", "SET #line = :line");
const CAMPAIGN_GUARDED: Writes = Writes("CAMPAIGN#", "CAMPAIGN", "#dropId = :dropId");
const OF_QUOTA: Writes = Writes("STOCK#", "OFFER#", "ADD #taken :units");
const QUOTA_BACK: Writes = Writes("STOCK#", "OFFER#", "ADD #taken :back");
const QUOTA_ROOM: Writes = Writes("STOCK#", "OFFER#", "ADD #taken :room");
const WITHDRAWAL: Writes = Writes("WITHDRAWAL#", "WITHDRAWAL", "put ");

impl Mutant {
    /// All mutants. If two conditions protect the same property, both are removed.
    ///
    /// Two kinds of conditions are left out, because runs are too short for them. One matters only to a function that
    /// is half a minute late; the other only if two clocks disagree at the very moment of an expiry. The models in
    /// `tests/models` forget those of tickets and units. Tests that stop one call in the midst of another cover the
    /// rest: prices and shards in `stock`, coupons in `coupon_expiry`, sheets in `order_sheets`.
    pub const ALL: &[Self] = &[
        Self {
            name: "an account is written over a newer version",
            changes: &[Unconditional(ACCOUNT), Unconditional(LEDGER)],
        },
        Self { name: "money moves without a ledger entry", changes: &[LeftOut(LEDGER)] },
        Self { name: "a ledger entry moves no money", changes: &[LeftOut(ACCOUNT)] },
        Self { name: "a user gets a coupon twice", changes: &[Unconditional(COUPON_ISSUED)] },
        Self { name: "a claimed ticket issues no coupon", changes: &[LeftOut(COUPON_ISSUED)] },
        Self { name: "a used coupon is used again", changes: &[Unconditional(COUPON_USED)] },
        Self { name: "a coupon stays usable after its order", changes: &[LeftOut(COUPON_USED)] },
        Self { name: "a cancelled order keeps its coupon", changes: &[LeftOut(COUPON_BACK)] },
        Self {
            name: "an order takes all its lines for discounted ones",
            changes: &[Replaced(ORDER, r#""outsideScope":{"BOOL":true}"#, r#""outsideScope":{"BOOL":false}"#)],
        },
        Self { name: "discounts exceed their budget", changes: &[Weakened(BUDGET_SPENT, "#left >= :amount")] },
        Self { name: "a discount spends nothing of its budget", changes: &[LeftOut(BUDGET_SPENT)] },
        Self { name: "a cancelled discount does not return to its budget", changes: &[LeftOut(BUDGET_BACK)] },
        Self { name: "a cancelled discount returns twice", changes: &[Multiplied(BUDGET_BACK, ":amount", 2)] },
        Self { name: "an order is written over a newer version", changes: &[Weakened(ORDER, "#version = :seen")] },
        Self { name: "an order is made again", changes: &[Weakened(ORDER, "attribute_not_exists(#pk)")] },
        Self { name: "money comes in without an order", changes: &[LeftOut(ORDER)] },
        Self { name: "a payment from outside is not noted", changes: &[LeftOut(PAYMENT)] },
        Self { name: "a sheet serves two orders", changes: &[Unconditional(SHEET_ORDERED)] },
        Self { name: "an ordered sheet stays open", changes: &[LeftOut(SHEET_ORDERED)] },
        Self { name: "a product is written over a newer version", changes: &[Weakened(PRODUCT, "#version = :seen")] },
        Self { name: "more is sold than there is", changes: &[Weakened(SOLD, "#remaining >= :units")] },
        Self { name: "an order leaves the units in stock", changes: &[LeftOut(SOLD)] },
        Self { name: "more is reserved than there is", changes: &[Weakened(RESERVED, "#remaining >= :units")] },
        Self { name: "a reservation takes twice the units", changes: &[Multiplied(RESERVED, ":units", 2)] },
        Self { name: "a cancelled order leaves its units nowhere", changes: &[LeftOut(UNITS_BACK)] },
        Self { name: "a cancelled order brings back twice its units", changes: &[Multiplied(UNITS_BACK, ":units", 2)] },
        Self { name: "a restock brings twice its units", changes: &[Multiplied(RESTOCKED, ":units", 2)] },
        Self { name: "more units move than there are", changes: &[Unconditional(UNITS_OUT)] },
        Self { name: "moved units stay where they were", changes: &[LeftOut(UNITS_OUT)] },
        Self { name: "units get lost on their way between shards", changes: &[Multiplied(UNITS_IN, ":units", 0)] },
        Self { name: "an order does not claim its units", changes: &[LeftOut(UNITS_CLAIMED)] },
        Self { name: "claimed units go back", changes: &[Unconditional(UNITS_VOID)] },
        Self { name: "units go back again and again", changes: &[LeftOut(UNITS_VOID)] },
        Self { name: "more tickets are allocated than there are", changes: &[Unconditional(TICKET)] },
        Self { name: "a pause does not come to the counters", changes: &[Kept(BOUND, &["stopped"])] },
        Self { name: "added coupons are added twice", changes: &[Multiplied(BOUND, ":added", 2)] },
        Self { name: "a paused campaign stays in the public list", changes: &[LeftOut(ROW_GONE)] },
        Self { name: "a coupon is issued without its claim record", changes: &[LeftOut(TICKET_CLAIMED)] },
        Self { name: "a voided ticket raises the limit by two", changes: &[Multiplied(LIMIT, ":one", 2)] },
        Self { name: "a voided ticket never raises the limit", changes: &[LeftOut(LIMIT)] },
        Self { name: "sales are counted without a mark", changes: &[LeftOut(MARK)] },
        Self { name: "sales are counted although they are marked", changes: &[Unconditional(MARK)] },
        Self { name: "sales are marked and not counted", changes: &[LeftOut(COUNT)] },
        Self { name: "a key is not recorded", changes: &[LeftOut(REQUEST)] },
        Self { name: "a key has its effect again", changes: &[Unconditional(REQUEST)] },
        Self { name: "a paid order is not published", changes: &[Lost("OrderPaid")] },
        Self { name: "a cancelled order is not published", changes: &[Lost("OrderCancelled")] },
        Self { name: "a refund is not requested", changes: &[Lost("RefundRequested")] },
        Self { name: "an event has a new id each time", changes: &[Renamed("OrderPaid")] },
        Self {
            name: "an e-mail address is claimed although another user has it",
            changes: &[Unconditional(EMAIL_CLAIMED)],
        },
        Self { name: "an e-mail address is not claimed", changes: &[LeftOut(EMAIL_CLAIMED)] },
        Self { name: "an e-mail address that is given up stays claimed", changes: &[LeftOut(EMAIL_RELEASED)] },
        Self { name: "a user is written over a newer version", changes: &[Weakened(PROFILE, "#version = :before")] },
        Self { name: "a change of a seller is not noted", changes: &[LeftOut(SELLER_CHANGE)] },
        Self { name: "a product is not listed among its seller's", changes: &[LeftOut(SELLER_PRODUCT)] },
        Self { name: "the products of a seller end with their first page", changes: &[Ended("PRODUCT#")] },
        Self { name: "a list of coupons ends with its first page", changes: &[Ended("COUPON#")] },
        Self { name: "a list of orders ends with its first page", changes: &[Ended("ORDERS#")] },
        Self { name: "a ledger ends with its first page", changes: &[Ended("LEDGER#")] },
        Self { name: "the payments of an order end with their first page", changes: &[Ended("PAYMENT#")] },
        Self { name: "the catalogue leaves out a product", changes: &[Skipped("PRODUCTS")] },
        Self { name: "holds do not count on the caps", changes: &[LeftOut(HELD)] },
        Self {
            name: "a hold goes beyond its user's caps",
            changes: &[Weakened(HELD, "#heldOrders <= :ordersBefore"), Weakened(HELD, "#heldUnits <= :unitsBefore")],
        },
        Self { name: "a suspended user pays", changes: &[Weakened(ACCOUNT, "#status = :active")] },
        Self { name: "a cart takes twice its products", changes: &[Multiplied(CART, ":max", 2)] },
        Self { name: "an order goes beyond a purchase limit", changes: &[Unconditional(LIMITED)] },
        Self { name: "an order does not count on a purchase limit", changes: &[LeftOut(LIMITED)] },
        Self { name: "an order counts twice on a purchase limit", changes: &[Multiplied(LIMITED, ":units", 2)] },
        Self { name: "cancelled units still count on a purchase limit", changes: &[LeftOut(LIMITED_BACK)] },
        Self { name: "cancelled units count back twice", changes: &[Multiplied(LIMITED_BACK, ":back", 2)] },
        Self { name: "a product loses the begin of its sale", changes: &[Replaced(PRODUCT, "saleFrom", "saleSince")] },
        Self { name: "a product loses its timed offers", changes: &[Replaced(PRODUCT, r#""offers""#, r#""offered""#)] },
        Self { name: "more is sold at an offer than its quota", changes: &[Unconditional(OF_QUOTA)] },
        Self { name: "an order takes nothing of a quota", changes: &[LeftOut(OF_QUOTA)] },
        Self { name: "an order takes twice its units of a quota", changes: &[Multiplied(OF_QUOTA, ":units", 2)] },
        Self { name: "cancelled units do not return to a quota", changes: &[LeftOut(QUOTA_BACK)] },
        Self { name: "cancelled units return to a quota twice", changes: &[Multiplied(QUOTA_BACK, ":back", 2)] },
        Self { name: "room of a quota gets lost between its parts", changes: &[Multiplied(QUOTA_ROOM, ":room", 0)] },
        Self { name: "a payment pays two orders", changes: &[Unconditional(CLAIM)] },
        Self { name: "the list of campaigns to sweep ends with its first page", changes: &[Ended("CAMPAIGNS")] },
        Self { name: "a batch of reads has twice the keys", changes: &[Loosened] },
        Self { name: "a product is cached for hours", changes: &[Aged(Cached::Products)] },
        Self { name: "recent stock is cached for hours", changes: &[Aged(Cached::Recent)] },
        Self { name: "the desk leaves out products that are not on sale", changes: &[Skipped("PRODUCTS#")] },
        Self { name: "the desk's campaigns end with their first page", changes: &[Ended("CAMPAIGNS")] },
        Self {
            name: "a row of the desk keeps its first state",
            changes: &[Narrowed(DESK_ROW, "#version <= :version")],
        },
        Self {
            name: "a line of the desk is missing among all lines of its state",
            changes: &[Kept(DESK_ROW, &["byDuePk", "byDueSk"])],
        },
        Self { name: "the desk's lines end with their first page", changes: &[Ended("DESKLINES#")] },
        Self { name: "the desk leaves out an order", changes: &[Skipped("DESKORDERS#")] },
        Self { name: "a product counts as sold out for hours", changes: &[Aged(Cached::SoldOut)] },
        Self { name: "sales are counted over a newer count", changes: &[Unconditional(COUNT)] },
        Self { name: "a product keeps its rank although it sells", changes: &[Kept(COUNT, RANK)] },
    ];

    /// Mutants of deliveries, claims and people, for runs about these.
    const OF_CLAIMS: &[Self] = &[
        Self { name: "a delivery plans no confirmation", changes: &[LeftOut(CONFIRMATION)] },
        Self { name: "a confirmation stays planned", changes: &[LeftOut(CONFIRMED)] },
        Self { name: "a purchase is confirmed at once", changes: &[Impatient] },
        Self {
            name: "a parcel is made over a newer version",
            changes: &[During("PARCEL_SHIPPED", &Weakened(ORDER, "#version = :seen"))],
        },
        Self {
            name: "a claim is made over a newer version",
            changes: &[During("CLAIM_REQUESTED", &Weakened(ORDER, "#version = :seen"))],
        },
        Self {
            name: "a claim is refunded twice",
            changes: &[
                During("CLAIM_RECEIVED", &Weakened(ORDER, "#version = :seen")),
                During("CLAIM_RECEIVED", &Unconditional(REQUEST)),
            ],
        },
        Self { name: "a return fee is forgotten", changes: &[During("CLAIM_ACCEPTED", &Stripped("fee"))] },
        Self { name: "scrapped units go back on the shelf", changes: &[During("CLAIM_RECEIVED", &Restocked)] },
        Self { name: "a receipt leaves its units nowhere", changes: &[During("CLAIM_RECEIVED", &LeftOut(UNITS_BACK))] },
        Self {
            name: "an accepted exchange takes no replacement",
            changes: &[During("CLAIM_ACCEPTED", &LeftOut(SOLD))],
        },
        Self {
            name: "a withdrawn exchange keeps its replacement",
            changes: &[During("CLAIM_WITHDRAWN", &LeftOut(UNITS_BACK))],
        },
        Self { name: "the desk does not see a claim", changes: &[Refused(DESK_ROW, "RETURN_REQUESTED")] },
        Self { name: "a withdrawal plans no erasure", changes: &[LeftOut(ERASURE)] },
        Self { name: "an erasure leaves the key", changes: &[LeftOut(KEY_ERASED)] },
        Self { name: "an erasure leaves the addresses", changes: &[LeftOut(ADDRESS_ERASED)] },
        Self { name: "an erasure leaves the files", changes: &[LeftOut(EXPORTS_FORGOTTEN)] },
    ];

    /// Mutants of payments from outside, for runs about these.
    const OF_PAYMENTS: &[Self] = &[
        Self { name: "a top-up is credited without a mark in its session", changes: &[LeftOut(SESSION_PAID)] },
        Self { name: "a payment of another amount is confirmed", changes: &[Provider(ProviderBug::AnyAmount)] },
        Self {
            name: "a refund to outside counts as one to the balance",
            changes: &[Replaced(ORDER, r#""to":{"S":"EXTERNAL"}"#, r#""to":{"S":"BALANCE"}"#)],
        },
        Self { name: "a notice is believed without a look-up", changes: &[Provider(ProviderBug::BelievedNotice)] },
        Self { name: "an expired session loses its late success", changes: &[Provider(ProviderBug::UnseenSuccess)] },
        Self { name: "the provider is asked before the session is written", changes: &[LeftOut(SESSION_ASKING)] },
        Self { name: "session and bus pay one order", changes: &[Weakened(PAID_OUTSIDE, "#version = :seen")] },
        Self {
            name: "a failed refund counts as refunded",
            changes: &[Replaced(ORDER, "REFUND_FAILED", "REFUND_SUCCEEDED")],
        },
        Self {
            name: "a failed refund of unneeded money counts as refunded",
            changes: &[Replaced(SESSION, r#""status":{"S":"FAILED"}"#, r#""status":{"S":"SUCCEEDED"}"#)],
        },
        Self { name: "a withdrawal is returned twice", changes: &[Replaced(WITHDRAWAL, "RETURNED", "REQUESTED")] },
        Self { name: "a session is written over a newer version", changes: &[Unconditional(SESSION)] },
    ];

    /// Mutants of drops, for runs about these.
    const OF_DROPS: &[Self] = &[
        Self { name: "a ticket of a drop serves twice", changes: &[LeftOut(TICKET_SERVED)] },
        Self { name: "a ticket of a drop serves over its first record", changes: &[Unconditional(TICKET_SERVED)] },
        Self { name: "two customers of a line have one number", changes: &[Multiplied(NUMBER, ":one", 0)] },
        Self {
            name: "a turn in a line never ends",
            changes: &[Replaced(LINE_STEP, r#""endsAt":{"N":"1"#, r#""endsAt":{"N":"9"#)],
        },
        Self { name: "a drop does not guard its product", changes: &[Replaced(PRODUCT, "dropId", "dropWas")] },
        Self { name: "a drop does not guard its campaign", changes: &[Kept(CAMPAIGN_GUARDED, &["dropId"])] },
    ];

    /// Mutants of campaigns, for runs about their coupons.
    const OF_COUPONS: &[Self] = &[
        Self {
            name: "a counter keeps the tickets that it gives to a new one",
            changes: &[Multiplied(TICKETS_GIVEN, ":given", 0)],
        },
        Self {
            name: "counters are added to a campaign over a newer version",
            changes: &[Weakened(COUNTERS_ADDED, "#version = :seenVersion")],
        },
        Self {
            name: "counters are added and their campaign does not know",
            changes: &[Kept(COUNTERS_ADDED, &["addedCounters"])],
        },
        Self {
            name: "a counter gives tickets that it has allocated",
            changes: &[Weakened(TICKETS_GIVEN, "#next <= :mostNext")],
        },
    ];

    /// Mutants of products and the desk, for runs about many products.
    const OF_PRODUCTS: &[Self] = &[
        Self { name: "the list of products to sweep ends with its first page", changes: &[Ended("SHELVES")] },
        Self { name: "a row of the desk is written over a newer version", changes: &[Unconditional(DESK_ROW)] },
        Self { name: "a product that comes back has no rank", changes: &[Kept(RANKED_AGAIN, RANK)] },
    ];

    /// The mutants for runs about a subject.
    pub fn about(subject: Subject) -> &'static [Self] {
        match subject {
            Subject::Claims => Self::OF_CLAIMS,
            Subject::Coupons => Self::OF_COUPONS,
            Subject::Drops => Self::OF_DROPS,
            Subject::Payments => Self::OF_PAYMENTS,
            Subject::Products => Self::OF_PRODUCTS,
        }
    }

    /// The bug in the shop's dealings with the payment provider, if it is one.
    pub(super) fn provider_bug(&self) -> Option<ProviderBug> {
        self.changes.iter().find_map(|change| match change {
            Provider(bug) => Some(*bug),
            _ => None,
        })
    }

    /// The bounds of the shop's code with the bug.
    pub(super) fn turn(&self, mut bounds: Bounds) -> Bounds {
        const HOURS: SignedDuration = SignedDuration::from_hours(9);
        for change in self.changes {
            match change {
                Aged(Cached::Products) => bounds.product_age = HOURS,
                Aged(Cached::Recent) => bounds.recent_age = HOURS,
                Aged(Cached::SoldOut) => bounds.sold_out_age = HOURS,
                Loosened => bounds.table.batch_keys *= 2,
                _ => {}
            }
        }
        bounds
    }

    /// The rules of the shop with the bug.
    pub(super) fn turn_policy(&self, policy: Policy) -> Policy {
        let is_impatient = self.changes.contains(&Impatient);
        Policy { confirm_after: if is_impatient { SignedDuration::ZERO } else { policy.confirm_after }, ..policy }
    }

    /// Changes the answer to a query by the bug.
    pub(super) fn change_answer(&self, request: &Value, answer: &mut Value) {
        let values = &request["ExpressionAttributeValues"];
        let is_of = |list: &str| {
            [":pk", ":prefix"].iter().any(|name| values[name]["S"].as_str().is_some_and(|it| it.starts_with(list)))
        };
        let Some(items) = answer["Items"].as_array().filter(|_| request["KeyConditionExpression"].is_string()) else {
            return;
        };
        let has_several = items.len() > 1;
        for change in self.changes {
            match (change, has_several) {
                (Ended(list), _) if is_of(list) => answer["LastEvaluatedKey"] = Value::Null,
                (Skipped(list), true) if is_of(list) => {
                    answer["Items"].as_array_mut().and_then(Vec::pop);
                }
                _ => {}
            }
        }
    }

    /// Changes a call by the bug.
    pub(super) fn change(&self, operation: &str, number: u64, body: &mut Value) {
        for change in self.changes {
            match operation {
                "PutEvents" => change.change_events(number, body),
                "SendMessageBatch" => change.change_messages(body),
                "UpdateItem" => change.change_write("Update", body),
                "TransactWriteItems" => change.change_transaction(body),
                _ => {}
            }
        }
    }
}

/// A condition that always holds.
const ALWAYS: &str = "attribute_exists(pk) OR attribute_not_exists(pk)";

impl Change {
    fn change_transaction(self, body: &mut Value) {
        match self {
            During(step, change) if last_step(body).is_some_and(|last| last == step) => {
                return change.change_transaction(body);
            }
            Restocked => return restock_scrapped(body),
            _ => {}
        }
        for item in body["TransactItems"].as_array_mut().into_iter().flatten() {
            let Some((verb, write)) = item.as_object_mut().and_then(|verbs| verbs.iter_mut().next()) else { continue };
            self.change_write(verb, write);
            if let LeftOut(writes) = self
                && writes.are_of(verb, write)
            {
                // The action keeps its index: callers read refusals by it.
                let key = key_of(write);
                let table = write["TableName"].take();
                *item = json!({ "ConditionCheck": { "TableName": table, "Key": key, "ConditionExpression": ALWAYS } });
            }
        }
    }

    fn change_write(self, verb: &str, write: &mut Value) {
        let condition = write["ConditionExpression"].as_str().unwrap_or_default();
        match self {
            Unconditional(writes) if writes.are_of(verb, write) => {
                // The names of the condition must still be used.
                write["ConditionExpression"] = json!(format!("({condition}) OR {ALWAYS}"));
            }
            Weakened(writes, part) if writes.are_of(verb, write) => {
                write["ConditionExpression"] = json!(condition.replace(part, &format!("({part} OR {ALWAYS})")));
            }
            Narrowed(writes, part) if writes.are_of(verb, write) => {
                write["ConditionExpression"] =
                    json!(condition.replace(part, &format!("({part} AND attribute_not_exists(pk))")));
            }
            Multiplied(writes, name, times) if writes.are_of(verb, write) => {
                let value = &mut write["ExpressionAttributeValues"][name]["N"];
                let number: i64 = value.as_str().and_then(|digits| digits.parse().ok()).unwrap_or(0);
                *value = json!((number * times).to_string());
            }
            Refused(writes, text)
                if writes.are_of(verb, write) && write["ExpressionAttributeValues"].to_string().contains(text) =>
            {
                write["ConditionExpression"] = json!(format!("({condition}) AND NOT ({ALWAYS})"));
            }
            Stripped(field) if verb == "Put" => {
                let claims = write.pointer_mut("/Item/claims/L").and_then(Value::as_array_mut);
                for claim in claims.into_iter().flatten() {
                    claim["M"].as_object_mut().and_then(|claim| claim.remove(field));
                }
            }
            Replaced(writes, from, to) if verb == "Put" && writes.are_of(verb, write) => {
                let item = write["Item"].to_string().replace(from, to);
                write["Item"] = item.parse().expect("it is JSON still");
            }
            Replaced(writes, from, to) if verb == "Update" && writes.are_of(verb, write) => {
                let values = write["ExpressionAttributeValues"].to_string().replace(from, to);
                write["ExpressionAttributeValues"] = values.parse().expect("it is JSON still");
            }
            Kept(writes, names) if writes.are_of(verb, write) => {
                let mut expression = write["UpdateExpression"].as_str().unwrap_or_default().to_owned();
                for name in names {
                    expression = expression.replace(&format!("#{name} = :{name}, "), "");
                    expression = expression.replace(&format!(", #{name} = :{name}"), "");
                    expression = expression.replace(&format!("SET #{name} = :{name} REMOVE"), "REMOVE");
                    forget(write, name, &expression);
                }
                write["UpdateExpression"] = json!(expression);
            }
            _ => {}
        }
    }

    fn change_messages(self, body: &mut Value) {
        let Lost(kind) = self else { return };
        for entry in body["Entries"].as_array_mut().into_iter().flatten() {
            let mut message: Value = entry["MessageBody"].as_str().unwrap_or_default().parse().expect("JSON");
            if message["detail"]["type"] == kind {
                message["detail"]["type"] = json!("Lost");
                entry["MessageBody"] = json!(message.to_string());
            }
        }
    }

    fn change_events(self, number: u64, body: &mut Value) {
        for entry in body["Entries"].as_array_mut().into_iter().flatten() {
            match self {
                Lost(kind) if entry["DetailType"] == kind => entry["DetailType"] = json!("Lost"),
                Renamed(kind) if entry["DetailType"] == kind => {
                    let mut detail: Value = entry["Detail"].as_str().unwrap_or_default().parse().expect("JSON");
                    detail["eventId"] = json!(format!("{}-{number}", detail["eventId"].as_str().unwrap_or_default()));
                    entry["Detail"] = json!(detail.to_string());
                }
                _ => {}
            }
        }
    }
}

impl Writes {
    fn are_of(self, verb: &str, write: &Value) -> bool {
        let Self(pk, sk, does) = self;
        let key = key_of(write);
        let begins = |name: &str, with| key[name]["S"].as_str().is_some_and(|text: &str| text.starts_with(with));
        let effect = match verb {
            "Put" => {
                let item = write["Item"].as_object().into_iter().flatten();
                let mut names: Vec<&str> = item.map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                format!("put {}.", names.join(" "))
            }
            "Update" => format!("{}.", write["UpdateExpression"].as_str().unwrap_or_default()),
            other => other.to_lowercase(),
        };
        verb != "ConditionCheck" && begins("pk", pk) && begins("sk", sk) && effect.contains(does)
    }
}

/// The last step of the order that a transaction writes.
pub(super) fn last_step(body: &Value) -> Option<&str> {
    let puts = body["TransactItems"].as_array()?.iter().map(|item| &item["Put"]["Item"]);
    let order = puts.into_iter().find(|item| item["sk"]["S"] == "ORDER")?;
    order["history"]["L"].as_array()?.last()?["M"]["event"]["S"].as_str()
}

/// Takes the scrapped units of an order back to the first shard of their products.
fn restock_scrapped(body: &mut Value) {
    let Some(items) = body["TransactItems"].as_array_mut() else { return };
    let mut puts = items.iter_mut().filter_map(|item| item.get_mut("Put"));
    let Some(order) = puts.find(|put| put["Item"]["sk"]["S"] == "ORDER") else { return };
    let table = order["TableName"].clone();
    let mut back: Vec<(String, i64)> = Vec::new();
    for line in order["Item"]["items"]["L"].as_array_mut().into_iter().flatten() {
        let scrapped = line["M"].as_object_mut().and_then(|line| line.remove("scrapped"));
        let units = scrapped.and_then(|units| units["N"].as_str()?.parse().ok());
        back.extend(units.map(|units| (line["M"]["productId"]["S"].as_str().unwrap_or_default().to_owned(), units)));
    }
    for (product, units) in back {
        let key = json!({ "pk": { "S": format!("STOCK#{product}#0") }, "sk": { "S": "STOCK" } });
        match items.iter_mut().filter_map(|item| item.get_mut("Update")).find(|update| update["Key"] == key) {
            Some(update) => {
                let value = &mut update["ExpressionAttributeValues"][":units"]["N"];
                let number: i64 = value.as_str().and_then(|digits| digits.parse().ok()).unwrap_or(0);
                *value = json!((number + units).to_string());
            }
            None => items.push(json!({ "Update": {
                "TableName": table, "Key": key, "UpdateExpression": "SET #remaining = #remaining + :units",
                "ExpressionAttributeNames": { "#remaining": "remaining" },
                "ExpressionAttributeValues": { ":units": { "N": units.to_string() } },
            } })),
        }
    }
}

/// Removes a name and its value from a write, if neither the update nor the condition uses it: DynamoDB refuses unused
/// ones.
fn forget(write: &mut Value, name: &str, expression: &str) {
    let condition = write["ConditionExpression"].as_str().unwrap_or_default().to_owned();
    for (of, key) in
        [("ExpressionAttributeNames", format!("#{name}")), ("ExpressionAttributeValues", format!(":{name}"))]
    {
        if let Some(entries) =
            write[of].as_object_mut().filter(|_| !expression.contains(&key) && !condition.contains(&key))
        {
            entries.remove(&key);
        }
    }
}

fn key_of(write: &Value) -> Value {
    let item = if write["Key"].is_object() { &write["Key"] } else { &write["Item"] };
    json!({ "pk": item["pk"], "sk": item["sk"] })
}
