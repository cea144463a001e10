//! Products.

use serde::Serialize;

use crate::{
    app::products::{Listed, Stocked},
    domain::{
        ProductId, UserId, Won,
        bestseller::Candidate,
        product::{Offer, SaleStatus},
    },
};

/// The status of a product as shown: an empty shelf is a status of its own.
fn shown_status(offer: &Offer, stock: i64) -> &'static str {
    match offer.status {
        SaleStatus::OnSale if stock > 0 => "ON_SALE",
        SaleStatus::OnSale => "SOLD_OUT",
        SaleStatus::Discontinued => "DISCONTINUED",
        SaleStatus::Hidden => "HIDDEN",
    }
}

/// A product.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the product")]
pub struct ProductView {
    pub product_id: ProductId,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    pub price: Won,
    pub discount: Won,
    pub stock: i64,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
}

impl From<Stocked> for ProductView {
    fn from(Stocked { product, stock }: Stocked) -> Self {
        Self {
            status: shown_status(&product.offer, stock),
            product_id: product.product_id,
            name: product.name,
            description: product.description,
            category: product.category,
            price: product.offer.price,
            discount: product.offer.discount,
            stock,
            seller_id: product.seller_id,
        }
    }
}

/// A product in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the product")]
pub struct ListedProductView {
    pub product_id: ProductId,
    pub name: String,
    pub price: Won,
    pub discount: Won,
    pub stock: i64,
    pub status: &'static str,
}

impl From<Listed> for ListedProductView {
    fn from(Listed { product_id, name, offer, stock }: Listed) -> Self {
        let status = shown_status(&offer, stock);
        Self { product_id, name, price: offer.price, discount: offer.discount, stock, status }
    }
}

/// A bestseller.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the product")]
pub struct BestsellerView {
    /// From 1.
    pub rank: usize,
    pub product_id: ProductId,
    pub name: String,
    pub price: Won,
    pub sold_quantity: i64,
}

impl BestsellerView {
    /// The bestsellers, best first.
    pub fn ranked(top: Vec<(Candidate, i64)>) -> Vec<Self> {
        let view = |((candidate, sold_quantity), rank): ((Candidate, i64), usize)| {
            let Candidate { product_id, name, price, .. } = candidate;
            Self { rank, product_id, name, price, sold_quantity }
        };
        top.into_iter().zip(1..).map(view).collect()
    }
}
