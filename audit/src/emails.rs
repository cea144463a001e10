//! E-mail addresses: each claim belongs to a user with that address who has not withdrawn, and each profile that notes
//! a claim has one.

use std::collections::BTreeMap;

use shared::{
    domain::{
        UserId,
        account::Account,
        text::EmailKey,
        user::{Profile, UserStatus},
    },
    store::keys,
};

use crate::{
    findings::{Checks, Findings},
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

/// The addresses and claims of each user. Only a digest of an address is kept, and no report shows it.
#[derive(Debug, Default)]
pub(crate) struct Emails(BTreeMap<UserId, User>);

#[derive(Debug, Default)]
struct User {
    profile: Option<Address>,
    is_withdrawn: bool,
    claims: Vec<EmailKey>,
    has_key: bool,
    /// Whether the profile needs a key: it is sealed, and not erased.
    is_sealed: bool,
    is_erased: bool,
}

#[derive(Debug)]
struct Address {
    key: EmailKey,
    is_claimed: bool,
}

impl Emails {
    pub(crate) fn add_profile(&mut self, profile: &Profile, selection: &Selection) {
        if let Some(user) = self.of(&profile.user_id, selection) {
            let key = profile.email_key();
            user.profile = Some(Address { key, is_claimed: profile.email_claimed });
            user.is_erased = profile.erased_at.is_some();
            user.is_sealed = profile.email_key.is_some();
        }
    }

    pub(crate) fn add_account(&mut self, user: &UserId, account: &Account, selection: &Selection) {
        if let Some(user) = self.of(user, selection) {
            user.is_withdrawn = account.status == UserStatus::Withdrawn;
        }
    }

    pub(crate) fn add_key(&mut self, user: &UserId, selection: &Selection) {
        if let Some(user) = self.of(user, selection) {
            user.has_key = true;
        }
    }

    pub(crate) fn add_claim(&mut self, user: &UserId, address: EmailKey, selection: &Selection) {
        if let Some(user) = self.of(user, selection) {
            user.claims.push(address);
        }
    }

    fn of(&mut self, user: &UserId, selection: &Selection) -> Option<&mut User> {
        selection.has(relation::email(user)).then(|| self.0.entry(user.clone()).or_default())
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.0.retain(|user, _| selection.has(relation::email(user)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len() * 420
    }

    pub(crate) fn finish(self, findings: &mut Findings) {
        for (id, user) in self.0 {
            let claims = user.claims.iter().map(keys::email).collect();
            let relation = Relation::Email(id.clone());
            let mut checks = findings.between(Invariant::PersonalData, Subject::User(id.clone()), relation.clone());
            user.check_key(&mut checks);
            user.check(&mut findings.between(Invariant::Emails, Subject::User(id), relation).with(claims));
        }
    }
}

impl User {
    /// Sealed data can be opened, and erased data cannot.
    fn check_key(&self, checks: &mut Checks<'_>) {
        if self.is_sealed || self.is_erased {
            checks.equal("has the key of its data", !self.is_erased, self.has_key);
        }
        checks.equal("is erased without a withdrawal", false, self.is_erased && !self.is_withdrawn);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let is_claimed = self.profile.as_ref().is_some_and(|address| address.is_claimed);
        checks.equal("claims of its address", usize::from(is_claimed), self.claims.len());
        checks.equal("claims its address while withdrawn", false, is_claimed && self.is_withdrawn);
        if let Some(address) = self.profile.as_ref().filter(|address| address.is_claimed) {
            let others = self.claims.iter().filter(|claim| **claim != address.key).count();
            checks.equal("claims of other addresses", 0, others);
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::user::EmailClaim,
        platform::{CipherKey, Random},
        store::{Key, keys, people::KeyRecord},
    };

    use super::*;
    use crate::fixture::{Shop, user};

    fn claim(address: &str) -> Key {
        keys::email(&EmailKey::from_address(address))
    }

    fn change_profile(shop: &mut Shop, change: impl FnOnce(&mut Profile)) {
        shop.change(keys::profile(&user("mina")), change);
    }

    #[test]
    fn a_noted_claim_exists() {
        let mut shop = Shop::healthy();
        shop.remove(claim("mina@example.com"));
        assert_eq!(shop.violations(), ["[emails] user mina: claims of its address: expected 1, found 0"]);
    }

    #[test]
    fn a_claim_is_noted_and_of_the_users_own_address() {
        let mut shop = Shop::healthy();
        change_profile(&mut shop, |profile| profile.email_claimed = false);
        assert_eq!(shop.violations(), ["[emails] user mina: claims of its address: expected 0, found 1"]);
        change_profile(&mut shop, |profile| {
            (profile.email_claimed, profile.email) = (true, "other@example.com".to_owned());
        });
        assert_eq!(shop.violations(), ["[emails] user mina: claims of other addresses: expected 0, found 1"]);
        change_profile(&mut shop, |profile| profile.email = "MINA@example.com".to_owned());
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn a_claim_is_of_a_user() {
        let mut shop = Shop::healthy();
        shop.put(claim("nobody@example.com"), EmailClaim { user_id: user("nobody") });
        assert_eq!(shop.violations(), ["[emails] user nobody: claims of its address: expected 0, found 1"]);
    }

    #[test]
    fn a_withdrawn_user_has_no_claim() {
        let mut shop = Shop::healthy();
        shop.change(keys::account(&user("mina")), |account: &mut Account| account.status = UserStatus::Withdrawn);
        assert_eq!(
            shop.violations(),
            ["[emails] user mina: claims its address while withdrawn: expected false, found true"]
        );
    }

    /// A record of the first stage, or a duplicate that the migration found.
    #[test]
    fn an_address_without_a_claim_is_no_violation() {
        let mut shop = Shop::healthy();
        shop.remove(claim("mina@example.com"));
        change_profile(&mut shop, |profile| {
            (profile.email_claimed, profile.email) = (false, "jun@example.com".to_owned());
        });
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn sealed_data_has_a_key_unless_it_is_erased() {
        let key = || KeyRecord { key: CipherKey::generate(&Random::new(|| 7)) };
        let sealed = |profile: &mut Profile| profile.email_key = Some(profile.email_key());
        let mut shop = Shop::healthy();
        change_profile(&mut shop, sealed);
        let missing = "[personal data] user mina: has the key of its data: expected true, found false";
        assert_eq!(shop.violations(), [missing]);
        shop.put(keys::user_key(&user("mina")), key());
        assert_eq!(shop.violations(), [] as [&str; 0]);
        shop.change(keys::account(&user("mina")), |account: &mut Account| account.status = UserStatus::Withdrawn);
        shop.remove(claim("mina@example.com"));
        change_profile(&mut shop, |profile| *profile = profile.erased(jiff::Timestamp::UNIX_EPOCH));
        let left = "[personal data] user mina: has the key of its data: expected false, found true";
        assert_eq!(shop.violations(), [left]);
    }
}
