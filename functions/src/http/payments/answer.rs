//! The answers of the routes of payments.

use shared::{
    api::{ApiError, ApiRequest, views::SessionView},
    app::{Shop, payments},
    domain::session::PaymentSession,
};

/// Shows sessions as they are now, in the language of the request, with the data for the provider's page.
///
/// # Errors
/// 404 if the shop takes no payments from outside.
pub(super) fn views(
    shop: &Shop,
    request: &ApiRequest,
    sessions: impl IntoIterator<Item = PaymentSession>,
) -> Result<Vec<SessionView>, ApiError> {
    let (checkout, now, language) = (payments::checkout(shop)?, shop.clock.now(), request.language());
    let view = |session| SessionView::at(now, session, &checkout.client_key, language);
    Ok(sessions.into_iter().map(view).collect())
}

/// Shows one session.
///
/// # Errors
/// As [`views`].
pub(super) fn view(shop: &Shop, request: &ApiRequest, session: PaymentSession) -> Result<SessionView, ApiError> {
    let (checkout, now) = (payments::checkout(shop)?, shop.clock.now());
    Ok(SessionView::at(now, session, &checkout.client_key, request.language()))
}
