use local_stack::{Config, LocalStack};

use crate::{failure::Failure, sample, stop_signal};

/// Runs the shop until Ctrl-C. Whatever ends this function, also in the middle of the start, ends all it has started.
pub(crate) async fn run(fresh: bool) -> Result<(), Failure> {
    let config = Config { fresh, ..Config::dev() };
    let steps = config.steps;
    tokio::select! {
        failed = serve(config) => failed,
        stopped = stop_signal() => {
            eprintln!();
            steps.begin("stopping; the data stays for the next start");
            stopped
        }
    }
}

/// Returns only if something fails.
async fn serve(config: Config) -> Result<(), Failure> {
    let steps = config.steps;
    let mut stack = LocalStack::start(config).await?;
    steps.begin("putting in sample data");
    sample::put_in(&stack.local_url()).await?;
    steps.begin("ready");
    show_tour(&stack);
    Err(stack.failure().await.into())
}

fn show_tour(stack: &LocalStack) {
    let shop = stack.local_url().replace("127.0.0.1", "localhost");
    let data_platform = stack.data_platform_url().replace("127.0.0.1", "localhost");
    println!(
        "
The shop is at {shop}. Things to try, in another terminal:

  # Kim puts 200,000 won on the balance.
  curl {shop}/balance/charge --json '{{\"userId\":\"kim\",\"amount\":200000}}'

  # Look around: the products, and what sells best.
  curl {shop}/products
  curl {shop}/products/top

  # Take a coupon and order two products with it, paid from the balance.
  curl {shop}/coupons/issue --json '{{\"userId\":\"kim\",\"couponId\":\"welcome\"}}'
  curl {shop}/orders --json '{{\"userId\":\"kim\",\"couponId\":\"welcome\",\"items\":[
    {{\"productId\":\"yugi\",\"quantity\":1}},{{\"productId\":\"hanji\",\"quantity\":2}}]}}'

  # The balance and the stock have fallen; the order has reached the data platform.
  curl '{shop}/balance/kim'
  curl {shop}/products/hanji
  curl {data_platform}/received

  # The same API as deployed, with an authorizer in front.
  curl {api}/orders?userId=kim -H \"Authorization: Bearer $(
    curl -s {issuer}/token --json '{{\"sub\":\"kim\"}}')\"

The functions' logs are in {logs}. Ctrl-C stops everything.",
        api = stack.api_url(),
        issuer = stack.issuer_url(),
        logs = stack.functions_log().display(),
    );
}
