//! A small shop with consistent books, for tests to spoil.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use shared::{
    domain::{
        CouponId, OrderId, OrderSheetId, PaymentId, ProductId, UserId, Won,
        account::Account,
        bestseller::Listing,
        counter_growth::CounterGrowth,
        coupon::{
            Campaign, CampaignRow, CampaignStatus, ClaimRecord, Counter, CouponState, Discount, IssuedCoupon, Terms,
            Validity,
        },
        inventory::Shard,
        ledger::{EntryHash, EntryKind, LedgerEntry},
        order::{
            Actor, Cancellation, Draft, LineStatus, Order, OrderLine, Payment, PaymentClaim, PaymentMethod,
            PaymentStatus, Returned,
        },
        pricing::{self, ShippingPolicy},
        product::{Offer, Product, SaleStatus, SaleWindow},
        sheet::{OrderSheet, SheetState},
        swept::SweepPlan,
        text::EmailKey,
        user::{EmailClaim, Profile, UserKind},
    },
    store::{
        Item, Key,
        keys::{self, BY_EXPIRY, BY_SALES, BY_TIME, Index, IndexKey},
        orders::OrderRecord,
        sheets::SheetRecord,
    },
};

use crate::{
    Auditor, Report, Scope,
    relation::{HashRange, Selection},
};

/// Noon in Seoul.
pub(crate) const NOW: &str = "2026-11-20T03:00:00Z";
/// The same day in Seoul.
pub(crate) const TODAY: &str = "2026-11-20T01:00:00Z";
/// The end of a hold that began shortly before noon.
pub(crate) const SOON: &str = "2026-11-20T03:05:00Z";
/// A day outside the window of the bestsellers, with order sheets that storage still keeps.
pub(crate) const DAYS_AGO: &str = "2026-11-17T01:00:00Z";
/// A day before those.
pub(crate) const LONG_AGO: &str = "2026-11-10T01:00:00Z";

pub(crate) const SHIPPING: ShippingPolicy = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };
pub(crate) const THOUSAND_OFF: Terms =
    Terms { discount: Discount::Fixed(Won::new(1_000)), min_order_amount: None, scope: None };

/// The items of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shop(BTreeMap<(String, String), Item>);

impl Shop {
    /// Mina has used her coupon for two teas and a cup. Jun has bought two cups long ago, and failed to pay for another
    /// one.
    ///
    /// Sora has ordered three pots by a sheet, paid them outside the shop, twice by mistake, and cancelled one of them
    /// since. Two more are held for her, and her coupon with them. She has one open order sheet and one that expired.
    /// Of the coupon's five tickets one was voided and one is orphaned.
    pub(crate) fn healthy() -> Self {
        let mut shop = Self::default();
        shop.add_users();
        shop.add_products();
        shop.add_campaign();
        shop.add_orders();
        shop.add_sheets();
        shop.add_sales();
        shop.put(keys::request("d1"), json!({ "payload": "p", "outcome": { "userId": "mina" } }));
        shop.put(keys::counted("o1-1"), json!({ "generation": 1, "ttl": 1 }));
        shop.chained()
    }

    /// The violations, as they are printed.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations_at(at(NOW))
    }

    pub(crate) fn violations_at(&self, now: Timestamp) -> Vec<String> {
        let report = Self::audit(self.0.values().cloned(), Scope::Everything, now);
        report.violations.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn report(&self, scope: Scope) -> Report {
        Self::audit(self.0.values().cloned(), scope, at(NOW))
    }

    pub(crate) fn report_read_backwards(&self, scope: Scope) -> Report {
        Self::audit(self.0.values().rev().cloned(), scope, at(NOW))
    }

    /// The same shop with the hashes of every ledger computed anew, for tests of other faults.
    pub(crate) fn chained(&self) -> Self {
        let mut shop = self.clone();
        for name in ["mina", "jun", "sora"] {
            let (user, mut head) = (user(name), EntryHash::NONE);
            let entries: Vec<LedgerEntry> = (1..10)
                .filter(|sequence| shop.has(&keys::ledger_entry(&user, *sequence)))
                .map(|sequence| shop.get(&keys::ledger_entry(&user, sequence)))
                .collect();
            for entry in entries {
                let entry = LedgerEntry { before: head, ..entry };
                head = entry.hash(&user);
                shop.put(keys::ledger_entry(&user, entry.sequence), entry);
            }
            if shop.has(&keys::account(&user)) {
                shop.change(keys::account(&user), |account: &mut Account| account.head = head);
            }
        }
        shop
    }

    fn has(&self, key: &Key) -> bool {
        self.0.contains_key(&(key.pk.clone(), key.sk.clone()))
    }

    fn audit(items: impl Iterator<Item = Item>, scope: Scope, now: Timestamp) -> Report {
        let items: Vec<Item> = items.collect();
        let mut auditor = Auditor::new(scope);
        items.iter().cloned().for_each(|item| auditor.add(item));
        let whole = auditor.finish(now);
        assert_eq!(Self::audit_in_parts(&items, scope, now), whole, "four passes find what one finds");
        whole
    }

    /// The report of four passes, each of which keeps a quarter of the relations.
    fn audit_in_parts(items: &[Item], scope: Scope, now: Timestamp) -> Report {
        let quarter = u64::MAX / 4;
        let parts = (0..4).map(|part| {
            let (first, last) = (part * (quarter + 1), (part * (quarter + 1)).saturating_add(quarter));
            let mut auditor = Auditor::of(scope, Selection::Hashes(HashRange { first, last }), usize::MAX);
            items.iter().cloned().for_each(|item| auditor.add(item));
            auditor.finish_pass(now).0
        });
        let mut report = parts
            .reduce(|mut all, part| {
                all.add(part);
                all
            })
            .unwrap();
        report.close();
        report
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.0.values()
    }

    pub(crate) fn get<R: DeserializeOwned>(&self, key: &Key) -> R {
        serde_dynamo::from_item(self.0[&(key.pk.clone(), key.sk.clone())].clone()).unwrap()
    }

    pub(crate) fn order(&self, id: &str) -> Order {
        let record: OrderRecord = self.get(&keys::order(&order(id)));
        record.order
    }

    pub(crate) fn put(&mut self, key: Key, record: impl Serialize) {
        let mut item: Item = serde_dynamo::to_item(record).unwrap();
        let place: Item = serde_dynamo::to_item(json!({ "pk": &key.pk, "sk": &key.sk })).unwrap();
        item.extend(place);
        self.0.insert((key.pk, key.sk), item);
    }

    /// Changes the record at `key`, and keeps its entries in the expiry index and in the index by time.
    pub(crate) fn change<R: Serialize + DeserializeOwned>(&mut self, key: Key, change: impl FnOnce(&mut R)) {
        let mut record: R = self.get(&key);
        change(&mut record);
        let path = (key.pk.clone(), key.sk.clone());
        let mut place = self.0[&path].clone();
        place.retain(|name, _| [BY_EXPIRY.pk, BY_EXPIRY.sk, BY_TIME.pk, BY_TIME.sk].contains(&name.as_str()));
        self.put(key, record);
        self.0.get_mut(&path).unwrap().extend(place);
    }

    pub(crate) fn change_order(&mut self, id: &str, change: impl FnOnce(&mut Order)) {
        let mut order = self.order(id);
        change(&mut order);
        self.put_order(order);
    }

    pub(crate) fn change_sheet(&mut self, id: &str, change: impl FnOnce(&mut OrderSheet)) {
        let SheetRecord { sheet: mut changed, .. } = self.get(&keys::sheet(&sheet(id)));
        change(&mut changed);
        self.put_sheet(changed);
    }

    /// Sets the entry of an item in the expiry index, or removes it.
    pub(crate) fn place(&mut self, key: Key, place: Option<IndexKey>) {
        self.index(BY_EXPIRY, key, place);
    }

    /// Sets the entry of an item in the index by time, or removes it.
    pub(crate) fn list(&mut self, key: Key, place: Option<IndexKey>) {
        self.index(BY_TIME, key, place);
    }

    fn index(&mut self, index: Index, key: Key, place: Option<IndexKey>) {
        let item = self.0.get_mut(&(key.pk, key.sk)).unwrap();
        item.remove(index.pk);
        item.remove(index.sk);
        if let Some(IndexKey { pk, sk }) = place {
            item.extend::<Item>(serde_dynamo::to_item(json!({ index.pk: pk, index.sk: sk })).unwrap());
        }
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.0.remove(&(key.pk, key.sk)).unwrap();
    }

    fn add_users(&mut self) {
        let charge = |sequence, amount, after| entry(sequence, EntryKind::Charge, amount, after, None);
        let payment = |sequence, amount, after, order| entry(sequence, EntryKind::Payment, amount, after, Some(order));
        for (name, balance, ledger) in [
            ("mina", 5_000, vec![charge(1, 30_000, 30_000), payment(2, -25_000, 5_000, "o1")]),
            ("jun", 0, vec![charge(1, 13_000, 13_000), payment(2, -13_000, 0, "o3")]),
            ("sora", 20_000, vec![charge(1, 20_000, 20_000)]),
        ] {
            let user = user(name);
            let profile = Profile {
                user_id: user.clone(),
                name: "A name".to_owned(),
                email: format!("{name}@example.com"),
                email_claimed: true,
                email_key: None,
                phone: None,
                address: None,
                address_number: None,
                kind: UserKind::Customer,
                seller: None,
                version: 1,
                created_at: at(LONG_AGO),
                updated_at: None,
                erased_at: None,
            };
            let claim = EmailClaim { user_id: user.clone() };
            self.put(keys::email(&EmailKey::from_address(&profile.email)), claim);
            self.put(keys::profile(&user), profile);
            let sequence = u64::try_from(ledger.len()).unwrap();
            let account = Account { balance: Won::new(balance), sequence, ..Account::NEW };
            self.put(keys::account(&user), account);
            for entry in ledger {
                self.put(keys::ledger_entry(&user, entry.sequence), entry);
            }
        }
    }

    fn add_products(&mut self) {
        for (id, offer, shards) in [
            ("tea", offer(10_000, 1_000), vec![(3, 5), (5, 5)]),
            ("cup", offer(5_000, 0), vec![(7, 10)]),
            ("pot", offer(7_000, 0), vec![(6, 10)]),
        ] {
            let product_id = product(id);
            for (&(remaining, received), number) in shards.iter().zip(0..) {
                self.put(keys::stock(&product_id, number), Shard { received, ..Shard::new(remaining, offer, 1) });
            }
            let product = Product {
                product_id: product_id.clone(),
                name: id.to_owned(),
                description: None,
                category: None,
                seller_id: None,
                offer,
                paused_status: None,
                stock_shards: u16::try_from(shards.len()).unwrap(),
                flash: false,
                drop_id: None,
                scaling: shared::domain::scaling::Scaling::default(),
                needs_shipping: true,
                limit: None,
                window: SaleWindow::default(),
                offers: Vec::new(),
                sweep: SweepPlan { from: (shards.len() > 1).then(|| at(LONG_AGO)), idle: 0 },
                version: 1,
                created_at: at(LONG_AGO),
                updated_at: None,
            };
            let place = product.sweep.from.map(|from| keys::inventory_by_expiry(&product_id, from));
            let listed = keys::product_by_time(product.offer.status, product.created_at, &product_id);
            self.put(keys::product(&product_id), product);
            self.place(keys::product(&product_id), place);
            self.list(keys::product(&product_id), Some(listed));
        }
    }

    fn add_campaign(&mut self) {
        let campaign = Campaign {
            coupon_id: coupon("welcome"),
            name: "Welcome".to_owned(),
            description: None,
            terms: THOUSAND_OFF,
            total_quantity: 4,
            issue_from: at(LONG_AGO),
            issue_until: at(NOW),
            validity: Validity::Days(30),
            counter_shards: 1,
            growth: CounterGrowth::default(),
            created_at: at(LONG_AGO),
            updated_at: None,
            status: CampaignStatus::Active,
            version: 0,
            first_quantity: None,
            drop_id: None,
            has_row: true,
            max_total_discount: None,
            budget_shards: None,
            sweep: SweepPlan::beginning_at(at(LONG_AGO)),
        };
        let key = keys::campaign(&campaign.coupon_id);
        self.put(key.clone(), &campaign);
        self.place(key, Some(keys::campaign_by_sweep(&campaign.coupon_id, campaign.issue_from)));
        self.put(keys::campaign_row(&campaign.coupon_id, campaign.issue_until), CampaignRow::new(&campaign));
        self.put(keys::counter(&campaign.coupon_id, 0), Counter { next: 5, ..Counter::new(5) });
        for (ticket, holder) in [(0, Some("mina")), (1, None), (2, Some("jun")), (3, Some("sora"))] {
            self.put(keys::ticket_claim(&campaign.coupon_id, 0, ticket), ClaimRecord { user_id: holder.map(user) });
        }
        self.give("mina", CouponState::Used, Some("o1"));
        self.give("jun", CouponState::Usable, None);
        self.give("sora", CouponState::Used, Some("o4"));
    }

    pub(crate) fn give(&mut self, holder: &str, state: CouponState, used_for: Option<&str>) {
        let issued = IssuedCoupon {
            issued_coupon_id: format!("welcome-{holder}"),
            coupon_id: coupon("welcome"),
            user_id: user(holder),
            name: "Welcome".to_owned(),
            description: None,
            terms: THOUSAND_OFF,
            budget_shards: None,
            state,
            issued_at: at(LONG_AGO),
            expires_at: at("2026-12-10T15:00:00Z"),
            used_at: used_for.map(|_| at(TODAY)),
            order_id: used_for.map(order),
            revoked_at: None,
            reissues: 0,
        };
        self.put(keys::user_coupon(&issued.user_id, &issued.coupon_id), issued);
    }

    fn add_orders(&mut self) {
        let lines = vec![line("tea", offer(10_000, 1_000), 2), line("cup", offer(5_000, 0), 1)];
        self.put_order(Order::paid(order("o1"), draft("mina", lines, Some(THOUSAND_OFF), TODAY)));
        let lines = vec![line("cup", offer(5_000, 0), 1)];
        self.put_order(Order::payment_failed(order("o2"), draft("jun", lines, Some(THOUSAND_OFF), TODAY)));
        let lines = vec![line("cup", offer(5_000, 0), 2)];
        self.put_order(Order::paid(order("o3"), draft("jun", lines, None, LONG_AGO)));
        let lines = vec![line("pot", offer(7_000, 0), 2)];
        let held = draft("sora", lines, Some(THOUSAND_OFF), TODAY);
        self.put_order(Order::placed(order("o4"), held, PaymentMethod::Balance, Won::ZERO, at(SOON)));
        self.change(keys::account(&user("sora")), |account: &mut Account| {
            (account.held_orders, account.held_units) = (1, 2);
        });
    }

    fn add_sheets(&mut self) {
        let pots = |instant| draft("sora", vec![line("pot", offer(7_000, 0), 3)], None, instant);
        let ordered = OrderSheet::new(sheet("s1"), pots(DAYS_AGO), at("2026-11-17T01:30:00Z"));
        self.put_sheet(OrderSheet { state: SheetState::Ordered, order_id: Some(order("o5")), ..ordered });
        self.put_sheet(OrderSheet::new(sheet("s2"), pots(TODAY), at(SOON)));
        let abandoned = OrderSheet::new(sheet("s3"), pots(DAYS_AGO), at("2026-11-17T01:30:00Z"));
        self.put_sheet(OrderSheet { state: SheetState::Abandoned, ..abandoned });

        let by_sheet = Draft { order_sheet_id: Some(sheet("s1")), ..pots(DAYS_AGO) };
        let (end, then) = (at("2026-11-17T01:10:00Z"), at("2026-11-17T01:01:00Z"));
        let placed = Order::placed(order("o5"), by_sheet, PaymentMethod::External, Won::ZERO, end);
        let twice = Returned { payment_id: payment("p2"), amount: placed.amounts.payable };
        let paid = placed.settle(payment("p1"), then).return_payment(twice, then);
        self.put_order(cancelled(&paid, 1, 1));
        for (id, status) in
            [("p1", PaymentStatus::Paid), ("p2", PaymentStatus::RefundRequested), ("p3", PaymentStatus::Failed)]
        {
            self.put_payment("o5", id, paid.amounts.payable.get(), status);
        }
    }

    pub(crate) fn put_payment(&mut self, of: &str, id: &str, amount: i64, status: PaymentStatus) {
        let (payment_id, order_id, amount) = (payment(id), order(of), Won::new(amount));
        let payment = Payment { payment_id, order_id, amount, status, at: at(DAYS_AGO) };
        self.put(keys::payment_claim(&payment.payment_id), PaymentClaim { order_id: payment.order_id.clone() });
        self.put(keys::payment(&payment.order_id, &payment.payment_id), payment);
    }

    pub(crate) fn put_order(&mut self, order: Order) {
        let key = keys::order(&order.order_id);
        let place = order.hold_expires_at.map(|end| keys::hold_by_expiry(&order.order_id, end));
        self.put(key.clone(), OrderRecord::new(order, "p".to_owned()));
        self.place(key, place);
    }

    pub(crate) fn put_sheet(&mut self, sheet: OrderSheet) {
        let key = keys::sheet(&sheet.order_sheet_id);
        let is_open = sheet.state == SheetState::Open;
        let place = is_open.then(|| keys::sheet_by_expiry(&sheet.order_sheet_id, sheet.expires_at));
        self.put(key.clone(), SheetRecord::new(sheet, "p".to_owned()));
        self.place(key, place);
    }

    fn add_sales(&mut self) {
        let last = at(TODAY).as_millisecond();
        self.count("tea", &[("2026-11-20", 2)]);
        self.change_count("tea", |count| count["generation"] = json!(2));
        self.count("cup", &[("2026-11-20", 1), ("2026-11-10", 2)]);
        let rebuild = json!({
            "generation": 2, "startedAt": last, "days": { "last": "2026-11-20" }, "segments": 1, "buckets": 1,
            "phase": { "name": "DONE" }, "figures": {}, "revision": 1,
        });
        self.put(keys::rebuild(), rebuild);
        self.put(keys::ranks_refreshed(), json!({ "day": "2026-11-20", "isDone": true, "revision": 1 }));
    }

    /// Puts the count of a product, with its entry in the index by sales.
    pub(crate) fn count(&mut self, id: &str, days: &[(&str, i64)]) {
        let by_day = days.iter().map(|(day, units)| (day.parse().unwrap(), *units)).collect();
        let mut record = json!({ "lastSoldAt": at(TODAY).as_millisecond(), "ttl": 1 });
        for (day, units) in days {
            record[format!("day_{}", day.replace('-', ""))] = json!(units);
        }
        if let Some(listing) = Listing::of(&product(id), &by_day, at(TODAY), at(TODAY)) {
            let IndexKey { pk, sk } = keys::sales_ranked(&listing);
            record[BY_SALES.pk] = json!(pk);
            record[BY_SALES.sk] = json!(sk);
        }
        self.put(keys::sales(&product(id)), record);
    }

    pub(crate) fn change_count(&mut self, id: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let key = keys::sales(&product(id));
        let mut record: serde_json::Value = self.get(&key);
        change(&mut record);
        if let Some(attributes) = record.as_object_mut() {
            attributes.retain(|_, value| !value.is_null());
        }
        self.put(key, record);
    }
}

pub(crate) fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::try_from(id.to_owned()).unwrap()
}

pub(crate) fn product(id: &str) -> ProductId {
    ProductId::try_from(id.to_owned()).unwrap()
}

pub(crate) fn coupon(id: &str) -> CouponId {
    CouponId::try_from(id.to_owned()).unwrap()
}

pub(crate) fn order(id: &str) -> OrderId {
    OrderId::try_from(id.to_owned()).unwrap()
}

pub(crate) fn sheet(id: &str) -> OrderSheetId {
    OrderSheetId::try_from(id.to_owned()).unwrap()
}

pub(crate) fn payment(id: &str) -> PaymentId {
    PaymentId::try_from(id.to_owned()).unwrap()
}

/// The order after the customer cancelled some units of a line.
pub(crate) fn cancelled(order: &Order, number: usize, units: u16) -> Order {
    let units = Cancellation::Units([(number, units)].into());
    order.cancel(&units, Actor::Customer, None, at(TODAY)).unwrap()
}

pub(crate) fn offer(price: i64, discount: i64) -> Offer {
    Offer { price: Won::new(price), discount: Won::new(discount), status: SaleStatus::OnSale, terms: None }
}

pub(crate) fn entry(sequence: u64, kind: EntryKind, amount: i64, after: i64, of: Option<&str>) -> LedgerEntry {
    LedgerEntry {
        entry_id: format!("e{sequence}"),
        sequence,
        kind,
        amount: Won::new(amount),
        balance_after: Won::new(after),
        order_id: of.map(order),
        payment_id: None,
        actor: Some(Actor::Customer),
        reason: None,
        at: at(TODAY),
        before: EntryHash::NONE,
    }
}

pub(crate) fn line(id: &str, offer: Offer, quantity: i64) -> OrderLine {
    OrderLine {
        product_id: product(id),
        seller_id: None,
        name: id.to_owned(),
        quantity: quantity.try_into().unwrap(),
        cancelled_quantity: 0,
        limit: None,
        quota: None,
        scrapped: 0,
        unit_price: offer.price,
        unit_discount: offer.discount,
        coupon_share: Won::ZERO,
        outside_scope: false,
        status: LineStatus::PendingPayment,
    }
}

/// An order of these lines, with the coupon if there are terms.
pub(crate) fn draft(buyer: &str, items: Vec<OrderLine>, terms: Option<Terms>, instant: &str) -> Draft {
    let priced: Vec<_> = items.iter().map(OrderLine::priced).collect();
    let quote = pricing::quote(&priced, terms.as_ref(), SHIPPING).unwrap();
    let coupon_id = terms.map(|_| coupon("welcome"));
    Draft {
        user_id: user(buyer),
        actor: Actor::Customer,
        items,
        quote,
        coupon_id,
        budget_shards: None,
        order_sheet_id: None,
        at: at(instant),
    }
}
