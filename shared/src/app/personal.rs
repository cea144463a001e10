//! Personal data: sealed with a key of its user before it is stored, and opened for those who may see it.
//!
//! The key is an item of its own. Erasing a user deletes it, and with it all their personal data, wherever it is stored:
//! what cannot be opened shows as empty. Records of the first stage are plain until their next write or the migration.
//!
//! | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|
//! | a user has one key: the second finds it | of two keys for one user the first stays, and both use it | a key without sealed data harms nothing | the repetition finds the key |

use super::{Failure, Shop, addresses};
use crate::{
    domain::{
        UserId,
        address::Address,
        text::PhoneKey,
        user::{Profile, Seller, UserStatus},
        withdrawal::{PayoutAccount, Withdrawal},
    },
    platform::{CipherKey, Random, is_sealed},
    store::{
        Consistency, Found, Outcome, Transaction, keys,
        people::{self, KeyRecord},
        users,
    },
};

/// Seals and opens the personal data of one user. Without a key nothing sealed can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    user: UserId,
    key: Option<CipherKey>,
}

impl Seal {
    pub fn new(user: &UserId, key: Option<CipherKey>) -> Self {
        Self { user: user.clone(), key }
    }

    pub(super) fn key(&self) -> Option<&CipherKey> {
        self.key.as_ref()
    }

    /// Seals a text for one field of one record.
    pub fn seal(&self, random: &Random, record: &str, field: &str, text: &str) -> Result<String, Failure> {
        let key = self.key.as_ref().ok_or(Failure::Internal("personal data is sealed with a key"))?;
        let sealed = key.seal(random, &self.place(record, field), text);
        sealed.ok_or(Failure::Internal("a text of a few hundred bytes can be encrypted"))
    }

    /// The text, if it is plain or can be opened. A text of an erased user cannot.
    pub fn open(&self, record: &str, field: &str, stored: &str) -> Option<String> {
        if !is_sealed(stored) {
            return Some(stored.to_owned());
        }
        let opened = self.key.as_ref()?.open(&self.place(record, field), stored);
        if opened.is_none() {
            tracing::error!(user.id = %self.user, record, field, "personal data cannot be opened");
        }
        opened
    }

    /// Opens the reason of a record; none if it is of an erased user.
    pub fn open_reason(&self, record: &str, reason: &mut Option<String>) {
        *reason = reason.take().and_then(|reason| self.open(record, REASON, &reason));
    }

    /// The place of a text, which a sealed text is bound to.
    fn place(&self, record: &str, field: &str) -> String {
        format!("jangteo.seal.1|{}|{record}|{field}", self.user)
    }

    /// The profile as it is stored.
    pub fn seal_profile(&self, random: &Random, profile: &Profile) -> Result<Profile, Failure> {
        let seal = |field: &str, text: &str| self.seal(random, PROFILE, field, text);
        let address = profile.address.as_ref();
        let seller = profile.seller.as_ref();
        Ok(Profile {
            name: seal("name", &profile.name)?,
            email_key: Some(profile.email_key()),
            email: seal("email", &profile.email)?,
            phone: profile.phone.as_ref().map(|phone| seal("phone", phone)).transpose()?,
            address: address.map(|address| self.seal_address(random, PROFILE, address)).transpose()?,
            seller: seller.map(|seller| map_seller(seller, |field, text| seal(field, text))).transpose()?,
            ..profile.clone()
        })
    }

    /// The profile as its user knows it. A field that cannot be opened is empty.
    pub fn open_profile(&self, stored: &Profile) -> Profile {
        let open = |field: &str, text: &str| self.open(PROFILE, field, text);
        let business = |field: &str, text: &str| Ok::<_, Failure>(open(field, text).unwrap_or_default());
        Profile {
            name: open("name", &stored.name).unwrap_or_default(),
            email: open("email", &stored.email).unwrap_or_default(),
            phone: stored.phone.as_ref().and_then(|phone| open("phone", phone)),
            address: stored.address.as_ref().and_then(|address| self.open_address(PROFILE, address)),
            seller: stored.seller.as_ref().and_then(|seller| map_seller(seller, business).ok()),
            ..stored.clone()
        }
    }

    /// The address as it is stored: all of it is one sealed text, in the place of its first line.
    pub fn seal_address(&self, random: &Random, record: &str, address: &Address) -> Result<Address, Failure> {
        let text = serde_json::to_string(address).map_err(|_| Failure::Internal("an address is texts"))?;
        self.seal(random, record, "address", &text).map(Address::from_line)
    }

    /// The address as its user knows it, if it can be opened.
    pub fn open_address(&self, record: &str, stored: &Address) -> Option<Address> {
        match stored.line1.as_deref().filter(|line| is_sealed(line)) {
            Some(sealed) => serde_json::from_str(&self.open(record, "address", sealed)?).ok(),
            None => Some(stored.clone()),
        }
    }

    /// The withdrawal as it is stored.
    pub fn seal_withdrawal(&self, random: &Random, withdrawal: &Withdrawal) -> Result<Withdrawal, Failure> {
        let record = withdrawal.withdrawal_id.as_str();
        let PayoutAccount { bank, number, holder } = &withdrawal.account;
        let seal = |field: &str, text: &str| {
            if is_sealed(text) { Ok(text.to_owned()) } else { self.seal(random, record, field, text) }
        };
        let account = PayoutAccount {
            bank: seal("bank", bank)?,
            number: seal("number", number)?,
            holder: seal("holder", holder)?,
        };
        Ok(Withdrawal { account, ..withdrawal.clone() })
    }

    /// The withdrawal as its user knows it.
    pub fn open_withdrawal(&self, stored: &Withdrawal) -> Withdrawal {
        let record = stored.withdrawal_id.as_str();
        let open = |field: &str, text: &str| self.open(record, field, text).unwrap_or_default();
        let PayoutAccount { bank, number, holder } = &stored.account;
        let account =
            PayoutAccount { bank: open("bank", bank), number: open("number", number), holder: open("holder", holder) };
        Withdrawal { account, ..stored.clone() }
    }
}

/// The record of a profile, as the place of its sealed texts.
const PROFILE: &str = "PROFILE";

/// The record of an address, as the place of its sealed text.
pub(super) fn address_record(number: u64) -> String {
    format!("ADDRESS#{number}")
}

/// The field of a reason, as the place of its sealed text.
pub const REASON: &str = "reason";

fn map_seller(seller: &Seller, map: impl Fn(&str, &str) -> Result<String, Failure>) -> Result<Seller, Failure> {
    Ok(Seller {
        business_name: map("businessName", &seller.business_name)?,
        registration_number: map("registrationNumber", &seller.registration_number)?,
        contact: map("contact", &seller.contact)?,
        address: map("sellerAddress", &seller.address)?,
        category: map("category", &seller.category)?,
    })
}

/// The key of a user among items that were read.
pub(super) fn key_in(found: &Found, user: &UserId) -> Result<Option<CipherKey>, Failure> {
    Ok(found.get::<KeyRecord>(&keys::user_key(user))?.map(|record| record.key))
}

/// The seal of a user for reading, from the cache or the table.
///
/// # Errors
/// If the table cannot be reached.
pub async fn seal_of(shop: &Shop, user: &UserId) -> Result<Seal, Failure> {
    if let Some(key) = shop.cached_key(user) {
        return Ok(Seal::new(user, Some(key)));
    }
    let record: Option<KeyRecord> = shop.table.get(keys::user_key(user), Consistency::Strong).await?;
    let key = record.map(|record| record.key);
    if let Some(key) = &key {
        shop.cache_key(user, key);
    }
    Ok(Seal::new(user, key))
}

/// The seal of a user for writing: users of the first stage get their key. None for a withdrawn or unknown user without
/// a key, whose data is erased or never was.
///
/// # Errors
/// If the table cannot be reached.
pub async fn seal_for_writing(shop: &Shop, user: &UserId) -> Result<Option<Seal>, Failure> {
    let seal = seal_of(shop, user).await?;
    if seal.key.is_some() {
        return Ok(Some(seal));
    }
    let key = CipherKey::generate(&shop.random);
    let mut transaction = Transaction::new();
    let create = transaction.add(people::create_key(user, &key));
    transaction.add(users::check_not_withdrawn(user));
    let key = match shop.table.commit(transaction, &mut shop.backoff()).await? {
        Outcome::Committed => key,
        Outcome::Refused(failures) => match failures.of::<KeyRecord>(create)?.flatten() {
            Some(there) => there.key,
            None => return Ok(None),
        },
    };
    shop.cache_key(user, &key);
    Ok(Some(Seal::new(user, Some(key))))
}

/// A free text about a user, sealed for `record`; none if the user is erased: then no text about them is kept.
///
/// # Errors
/// If the table cannot be reached.
pub async fn seal_text(
    shop: &Shop,
    user: &UserId,
    record: &str,
    text: Option<&str>,
) -> Result<Option<String>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let Some(seal) = seal_for_writing(shop, user).await? else { return Ok(None) };
    seal.seal(&shop.random, record, REASON, text).map(Some)
}

/// A withdrawal with its bank account sealed. One of the first stage is plain until its next change.
///
/// # Errors
/// If the table cannot be reached.
pub async fn sealed_withdrawal(shop: &Shop, withdrawal: Withdrawal) -> Result<Withdrawal, Failure> {
    let PayoutAccount { bank, number, holder } = &withdrawal.account;
    if [bank, number, holder].into_iter().all(|text| is_sealed(text)) {
        return Ok(withdrawal);
    }
    match seal_for_writing(shop, &withdrawal.user_id).await? {
        Some(seal) => seal.seal_withdrawal(&shop.random, &withdrawal),
        None => {
            let account = PayoutAccount { bank: String::new(), number: String::new(), holder: String::new() };
            Ok(Withdrawal { account, ..withdrawal })
        }
    }
}

/// Seals a profile of the first stage, with its address as a record and its telephone number among those that are
/// found. A user who has withdrawn without a key is erased instead. False if the profile changed meanwhile.
///
/// # Errors
/// If the table cannot be reached.
pub async fn seal_stored(shop: &Shop, stored: &Profile) -> Result<bool, Failure> {
    let user = &stored.user_id;
    let mut transaction = Transaction::new();
    match seal_for_writing(shop, user).await? {
        None => {
            transaction.add(users::replace_profile(stored, &stored.erased(shop.clock.now())));
            transaction.add(users::check_status(user, UserStatus::Withdrawn));
        }
        Some(seal) => {
            let mut after = Profile { version: stored.version.saturating_add(1), ..stored.clone() };
            if let Some(address) = stored.ship_to() {
                let number = addresses::new_number(shop);
                after.address_number = Some(number);
                transaction.add(addresses::create(shop, &seal, user, number, &address)?);
                transaction.add(users::set_address(user, Some(number), address.missing()));
            }
            if let Some(phone) = &stored.phone {
                transaction.add(people::list_phone(&PhoneKey::from_number(phone), user));
            }
            transaction.add(users::replace_profile(stored, &seal.seal_profile(&shop.random, &after)?));
        }
    }
    Ok(matches!(shop.table.commit(transaction, &mut shop.backoff()).await?, Outcome::Committed))
}
