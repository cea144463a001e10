use crate::LocalStack;

impl LocalStack {
    /// Things to try with the sample data: sentences, each with the commands that it is about, indented.
    #[must_use]
    pub fn tour(&self) -> String {
        let [shop, data_platform, payment_system, api, issuer] =
            [self.local_url(), self.data_platform_url(), self.payment_system_url(), self.api_url(), self.issuer_url()]
                .map(|url| url.replace("http://127.0.0.1", "localhost"));
        format!(
            r#"The shop is at {shop}. Things to try, in another terminal:

Kim puts 200,000 won on the balance.
  curl {shop}/balance/charge -H 'content-type: application/json' -d '{{"userId":"kim","amount":200000}}'

Look around: the products, and the bestsellers.
  curl {shop}/products
  curl {shop}/products/top

Take a coupon and order two products with it, paid from the balance.
  curl {shop}/coupons/issue -H 'content-type: application/json' -d '{{"userId":"kim","couponId":"welcome"}}'
  curl {shop}/orders -H 'content-type: application/json' -d '{{"userId":"kim","couponId":"welcome","items":[{{"productId":"yugi","quantity":1}},{{"productId":"hanji","quantity":2}}]}}'

The balance and the stock have fallen, and the order has reached the data platform.
  curl {shop}/balance/kim
  curl {shop}/products/hanji
  curl {data_platform}/received

The payment system answers for users whose payments it was told about. This one fails, and its order is cancelled.
  curl -X PUT {payment_system}/users/kim/behaviour -H 'content-type: application/json' -d '[{{"result":"FAILED"}}]'
  curl {shop}/orders -H 'content-type: application/json' -d '{{"userId":"kim","items":[{{"productId":"gim","quantity":1}}],"payment":"EXTERNAL"}}'
  curl {payment_system}/requests
  curl '{shop}/orders?userId=kim'

The same API as deployed, with its authorizer in front.
  TOKEN=$(curl -s {issuer}/token -H 'content-type: application/json' -d '{{"sub":"kim"}}')
  curl '{api}/orders?userId=kim' -H "authorization: Bearer $TOKEN"

The books are right, and no message is a dead letter.
  cargo xtask audit
  cargo xtask dlq list
"#
        )
    }
}
