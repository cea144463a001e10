//! Configuration: the environment, read once.

use jiff::SignedDuration;

#[cfg(debug_assertions)]
use crate::api::identity::LocalDoor;
use crate::{
    api::identity::{IdentitySource, RoleGroups},
    app::{CONFIRM_AFTER, Checkout, ExportPolicy, PaymentPath, PaymentPolicy, PeoplePolicy, Policy, RETURN_FEE},
    domain::{
        Won, benefits::OnPartialCancel, caps::Caps, inventory::ShardCount, order::ClaimPolicy, pricing::ShippingPolicy,
        provider::ProviderName, scaling::ScalingPolicy,
    },
    platform::environment::{ConfigError, number, optional, required, seconds, switch},
};

/// The configuration of a function.
#[derive(Debug, Clone)]
pub struct Config {
    /// The table's name (`TABLE_NAME`).
    pub table_name: String,
    /// The shop's settings.
    ///
    /// - the shipping fee (`SHIPPING_FEE`, `FREE_SHIPPING_FROM`, in won);
    /// - the duration of a hold and of an order sheet (`HOLD_SECONDS`, `ORDER_SHEET_SECONDS`);
    /// - whether customers charge their own balance without paying (`SELF_CHARGE`);
    /// - the confirmation of delivered lines (`CONFIRM_AFTER_SECONDS`);
    /// - the windows and the fee of claims (`CHANGE_OF_MIND_SECONDS`, `DEFECT_SECONDS`, `RETURN_FEE`), and the benefits of
    ///   an order of which a part is gone (`ON_PARTIAL_CANCEL`);
    /// - payments from outside (`PAYMENT_PATH`, `PAYMENT_SESSION_SECONDS`, `REFUND_PATIENCE_SECONDS`);
    /// - addresses and personal data (`REQUIRE_ADDRESS`, `ERASE_AFTER_SECONDS`, `ADDRESS_SHOWN_SECONDS`,
    ///   `ACCESS_LOG_SECONDS`);
    /// - exports (`EXPORT_LINK_SECONDS`, `EXPORT_DAYS`, `CAP_EXPORTS`);
    /// - the scaling of hot products (`AUTO_FLASH`, `LEAST_SHARDS`, `MOST_SHARDS`);
    /// - the caps of a user (`CAP_PENDING_ORDERS`, `CAP_HELD_UNITS`, `CAP_DEPOSIT_ORDERS`, `CAP_DEPOSIT_UNITS`,
    ///   `CAP_FAILED_PAYMENTS`, `CAP_CHARGES`, `CAP_COUPON_ISSUES`, `CAP_ORDER_SHEETS`).
    pub policy: Policy,
    /// The provider's page (`PAYMENT_PROVIDER`, `PAYMENT_CLIENT_KEY`); without a provider the shop takes no payments.
    pub checkout: Option<Checkout>,
    pub identity: IdentitySource,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            table_name: required("TABLE_NAME")?,
            policy: Policy {
                shipping: ShippingPolicy {
                    fee: Won::new(number("SHIPPING_FEE", 3_000)?),
                    free_from: Won::new(number("FREE_SHIPPING_FROM", 30_000)?),
                },
                return_fee: Won::new(number("RETURN_FEE", RETURN_FEE.get())?),
                hold: seconds("HOLD_SECONDS", SignedDuration::from_mins(10))?,
                sheet_validity: seconds("ORDER_SHEET_SECONDS", SignedDuration::from_mins(30))?,
                caps: caps()?,
                self_charge: switch("SELF_CHARGE")?,
                confirm_after: seconds("CONFIRM_AFTER_SECONDS", CONFIRM_AFTER)?,
                claims: claims()?,
                on_partial_cancel: on_partial_cancel()?,
                payments: payments()?,
                people: people()?,
                exports: exports()?,
                scaling: scaling()?,
            },
            checkout: checkout()?,
            identity: identity()?,
        })
    }
}

/// Reads the source of identity: the authorizer's claims, with the names of the groups' claim, the admins' and the
/// sellers' group from `GROUPS_CLAIM`, `ADMIN_GROUP` and `SELLER_GROUP`.
///
/// In a debug build, `JANGTEO_IDENTITY=headers` chooses the headers of the local runner. Its gateway vouches for its
/// requests with `JANGTEO_DOOR_KEY`.
///
/// # Errors
/// If a debug build is configured to trust headers on AWS.
pub fn identity() -> Result<IdentitySource, ConfigError> {
    #[cfg(debug_assertions)]
    if optional("JANGTEO_IDENTITY").as_deref() == Some("headers") {
        if let Some(sign) = sign_of_aws(optional) {
            return Err(ConfigError::HeadersOnAws(sign));
        }
        return Ok(IdentitySource::Headers(LocalDoor::new(optional("JANGTEO_DOOR_KEY"))));
    }
    let default = RoleGroups::default();
    Ok(IdentitySource::Claims(RoleGroups {
        claim: optional("GROUPS_CLAIM").unwrap_or(default.claim),
        admin: optional("ADMIN_GROUP").unwrap_or(default.admin),
        seller: optional("SELLER_GROUP").unwrap_or(default.seller),
    }))
}

/// Returns a variable, if any is set, that identifies Lambda's own environment. `cargo lambda` sets none of them.
/// Lambda sets `AWS_EXECUTION_ENV` only for its managed runtimes, to `AWS_Lambda_` and the runtime's name.
#[cfg(debug_assertions)]
fn sign_of_aws(variable: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    const OF_LAMBDA: [&str; 4] =
        ["LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME"];
    const EXECUTION: &str = "AWS_EXECUTION_ENV";
    let of_lambda = OF_LAMBDA.into_iter().find(|name| variable(name).is_some());
    of_lambda.or_else(|| variable(EXECUTION).filter(|runtime| runtime.starts_with("AWS_Lambda_")).map(|_| EXECUTION))
}

fn checkout() -> Result<Option<Checkout>, ConfigError> {
    let Some(name) = optional("PAYMENT_PROVIDER").filter(|name| name != "NONE") else { return Ok(None) };
    let provider = ProviderName::try_from(name);
    let provider = provider.map_err(|_| ConfigError::NotOneOf("PAYMENT_PROVIDER", "TOSS, MANUAL, NONE"))?;
    Ok(Some(Checkout { provider, client_key: optional("PAYMENT_CLIENT_KEY").unwrap_or_default() }))
}

/// Reads the settings of payments from outside.
///
/// # Errors
/// If a variable is malformed.
pub fn payments() -> Result<PaymentPolicy, ConfigError> {
    let default = PaymentPolicy::DEFAULT;
    let path = match optional("PAYMENT_PATH").as_deref() {
        Some("SESSION") => PaymentPath::Session,
        Some("BUS") => PaymentPath::Bus,
        Some("BOTH") => PaymentPath::Both,
        None => default.path,
        Some(_) => return Err(ConfigError::NotOneOf("PAYMENT_PATH", "SESSION, BUS, BOTH")),
    };
    Ok(PaymentPolicy {
        path,
        session: seconds("PAYMENT_SESSION_SECONDS", default.session)?,
        refund_patience: seconds("REFUND_PATIENCE_SECONDS", default.refund_patience)?,
    })
}

fn claims() -> Result<ClaimPolicy, ConfigError> {
    let default = ClaimPolicy::DEFAULT;
    Ok(ClaimPolicy {
        change_of_mind: seconds("CHANGE_OF_MIND_SECONDS", default.change_of_mind)?,
        defect: seconds("DEFECT_SECONDS", default.defect)?,
        ..default
    })
}

fn on_partial_cancel() -> Result<OnPartialCancel, ConfigError> {
    let Some(name) = optional("ON_PARTIAL_CANCEL") else { return Ok(OnPartialCancel::default()) };
    OnPartialCancel::try_from(name).map_err(|_| ConfigError::NotOneOf("ON_PARTIAL_CANCEL", "KEEP, RECALCULATE"))
}

fn people() -> Result<PeoplePolicy, ConfigError> {
    let default = PeoplePolicy::DEFAULT;
    Ok(PeoplePolicy {
        require_address: switch("REQUIRE_ADDRESS")?,
        erase_after: seconds("ERASE_AFTER_SECONDS", default.erase_after)?,
        address_shown: seconds("ADDRESS_SHOWN_SECONDS", default.address_shown)?,
        access_kept: seconds("ACCESS_LOG_SECONDS", default.access_kept)?,
    })
}

fn exports() -> Result<ExportPolicy, ConfigError> {
    let default = ExportPolicy::DEFAULT;
    let days = number("EXPORT_DAYS", default.kept.as_hours().checked_div(24).unwrap_or(1))?;
    Ok(ExportPolicy {
        link: seconds("EXPORT_LINK_SECONDS", default.link)?,
        kept: SignedDuration::from_secs(days.saturating_mul(24 * 60 * 60)),
        open: number("CAP_EXPORTS", default.open)?,
    })
}

fn scaling() -> Result<ScalingPolicy, ConfigError> {
    let default = ScalingPolicy::DEFAULT;
    let shards = |name, default: u16| {
        let count = number(name, i64::from(default))?;
        let count = ShardCount::try_from(count).map_err(|_| ConfigError::NotOneOf(name, "1 to 64"))?;
        Ok(count.get())
    };
    Ok(ScalingPolicy {
        least_shards: shards("LEAST_SHARDS", default.least_shards)?,
        most_shards: shards("MOST_SHARDS", default.most_shards)?,
        auto_flash: switch("AUTO_FLASH")?,
    })
}

fn caps() -> Result<Caps, ConfigError> {
    let default = Caps::DEFAULT;
    Ok(Caps {
        pending_orders: number("CAP_PENDING_ORDERS", default.pending_orders)?,
        held_units: number("CAP_HELD_UNITS", default.held_units)?,
        deposit_orders: number("CAP_DEPOSIT_ORDERS", default.deposit_orders)?,
        deposit_units: number("CAP_DEPOSIT_UNITS", default.deposit_units)?,
        failed_payments: number("CAP_FAILED_PAYMENTS", default.failed_payments)?,
        charges: number("CAP_CHARGES", default.charges)?,
        coupon_issues: number("CAP_COUPON_ISSUES", default.coupon_issues)?,
        order_sheets: number("CAP_ORDER_SHEETS", default.order_sheets)?,
    })
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn aws_is_known_by_its_environment() {
        let sign = |name: &'static str, value: &'static str| {
            sign_of_aws(move |asked| (asked == name).then(|| value.to_owned()))
        };
        for (name, value) in [
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/jangteo"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_rust"),
        ] {
            assert_eq!(sign(name, value), Some(name));
        }
        // The first two are set by cargo lambda, the last by a developer's cloud shell.
        for (name, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", "get-order"),
            ("AWS_LAMBDA_RUNTIME_API", "http://127.0.0.1:9001/.rt/get-order"),
            ("AWS_EXECUTION_ENV", "CloudShell"),
        ] {
            assert_eq!(sign(name, value), None);
        }
    }
}
