//! Invocations without a client: the functions on the stream and on the queues, as Lambda runs them, the sweeps and the
//! rebuild.

use std::{
    future::Future,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_lambda_events::{sqs::SqsEvent, streams::DynamoDbEventResponse};
use functions::{
    queue::{
        build_exports,
        deliver_orders::{Circuit, DeliveryWorker, Signer},
        process_expiry, settle_payments, update_desk,
    },
    schedule::{
        rebuild_sales,
        sweep::{self, Task},
        sweep_payments,
    },
    stream::{count_sales, relay_events},
};
use lambda_runtime::Error;
use serde_json::{Value, json};
use shared::{
    app::{Shop, rebuild::Progress},
    lambda::{
        dead_letters::DeadLetters,
        parameter_store::Client,
        queue::Queue,
        stream::{Batch, StreamDeadLetters},
    },
    platform::Clock,
};
use tokio::time::sleep;

use super::{
    message_bus::named,
    operations::Operation,
    outside::{self, DataPlatform},
    plan::{FaultKind, pick},
    provider,
    world::World,
};
use crate::{
    fakes::{bucket::Bucket, parameters::ParameterStore, queue, stream::Backlog, work_queues},
    limits::Chance,
    template::{self, template},
};

/// The address of every queue: the connection tells them apart by their messages.
const QUEUE: &str = "http://aws.test/queue";

/// The number of shards of the stream: order holds within one.
const STREAM_SHARDS: u64 = 2;

/// The time limit of a function, and of a sweep.
pub(super) const FUNCTION: Duration = Duration::from_secs(10);
const SWEEP: Duration = Duration::from_secs(60);

/// The time in which a rebuild may begin another step.
const PATIENCE: Duration = Duration::from_secs(40);

/// A consumer of one shard of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    Relay,
    CountSales,
}

impl Reader {
    fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay-events",
            Self::CountSales => "count-sales",
        }
    }

    fn resource(self) -> &'static str {
        match self {
            Self::Relay => "RelayEvents",
            Self::CountSales => "CountSales",
        }
    }
}

/// Starts every function that runs without a client.
pub(super) fn start(world: &World) {
    for reader in [Reader::Relay, Reader::CountSales] {
        for shard in 0..STREAM_SHARDS {
            tokio::spawn(follow(world.clone(), reader, shard));
        }
    }
    for function in template()["Resources"].as_object().expect("the template has resources").values() {
        for event in function["Properties"]["Events"].as_object().into_iter().flat_map(|events| events.values()) {
            if event["Type"] == "SQS" {
                let queue = named(&event["Properties"]["Queue"]);
                let most = event["Properties"]["BatchSize"].as_u64().expect("a batch is bounded");
                let name = template::binary_of(function);
                for worker in 0..2 {
                    let most = usize::try_from(most).unwrap().min(world.settings.batch);
                    tokio::spawn(consume(world.clone(), name.to_owned(), queue.clone(), most, worker));
                }
            }
        }
    }
    tokio::spawn(outside::deliver(world.clone()));
    tokio::spawn(outside::settle(world.clone()));
    tokio::spawn(provider::post_notices(world.clone()));
}

fn shard_of(record: &Value) -> u64 {
    let pk = record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap_or_default();
    pk.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))) % STREAM_SHARDS
}

/// Follows a shard of the stream, batch by batch. A failed batch comes again, perhaps cut otherwise.
async fn follow(world: World, reader: Reader, shard: u64) {
    let mut chance = world.chance_of(&format!("{reader:?} {shard}"));
    let (mut read, mut backlog) = (0, Backlog::of(reader.resource()));
    loop {
        let records = world.table.records_from(read);
        read += records.len();
        backlog.add(records.into_iter().filter(|record| shard_of(record) == shard));
        world.known.lock().unwrap().behind.insert((reader.name(), shard), (read, backlog.len()));
        if backlog.is_empty() {
            world.table.changed().await;
            continue;
        }
        let is_faulty = world.injects(FaultKind::StreamFaults);
        let late_ms = if is_faulty && chance.below(10) == 0 { 20_000 } else { 500 };
        sleep(Duration::from_millis(chance.below(late_ms))).await;
        let most = if is_faulty { 1 + pick(&mut chance, 10) } else { 100 };
        let most = most.min(world.settings.batch).min(backlog.len());
        let name = format!("{} {shard}", reader.name());
        world.trace.note(&name, || format!("gets {most} records"));
        let own = Chance::new(chance.bits());
        let handled = backlog.deliver(most, |batch| read_batch(&world, reader, name, batch, own)).await.unwrap_or(0);
        let again = is_faulty && chance.below(8) == 0;
        if !again {
            backlog.remove(handled);
        }
        if handled < most {
            sleep(Duration::from_millis(500 + chance.below(2_000))).await;
        }
    }
}

async fn read_batch(
    world: &World,
    reader: Reader,
    name: String,
    batch: Batch,
    chance: Chance,
) -> Result<DynamoDbEventResponse, Error> {
    let (bounds, asks_for_payments) = (world.settings.relay, world.settings.policy.payments.asks_by_event());
    let done = world.invoke(name, chance, FUNCTION, |shop, connection| async move {
        let letters = DeadLetters::new(connection.sqs(), QUEUE.to_owned());
        // No record of the simulation is too large for the queue.
        let letters = StreamDeadLetters::new(letters, Bucket::default().failures(queue::FUNCTION));
        match reader {
            Reader::Relay => {
                let (bus, random) = (connection.eventbridge(), shop.random.clone());
                let relay = relay_events::Relay::new(bus, "orders".to_owned(), letters, random);
                let relay = relay.filling(work_queues(connection.sqs())).within(bounds);
                relay.asking_for_payments(asks_for_payments).handle(batch).await
            }
            Reader::CountSales => count_sales::handle(&shop, &letters, batch).await,
        }
    });
    done.await.unwrap_or_else(|| Err("the function died".into()))
}

/// Consumes a queue.
async fn consume(world: World, function: String, queue: String, most: usize, worker: u64) {
    let mut chance = world.chance_of(&format!("{function} {worker}"));
    let (mut circuit, mut signer) = (circuit(&world), signer(&world));
    loop {
        let messages = world.bus.receive(&queue, most, &mut chance).await;
        let ids: Vec<&str> = messages.iter().filter_map(|message| message["messageId"].as_str()).collect();
        world.trace.note(&function, || format!("gets {}", ids.join(", ")));
        let batch: SqsEvent = serde_json::from_value(json!({ "Records": messages })).expect("a batch");
        let (platform_of, same, signs) = (world.clone(), circuit.clone(), signer.clone());
        let work = world.invoke(function.clone(), Chance::new(chance.bits()), FUNCTION, |shop, connection| async {
            let (shop, connection) = (shop, connection);
            let queue = Queue::new(connection.sqs(), QUEUE.to_owned());
            let letters = DeadLetters::new(connection.sqs(), QUEUE.to_owned());
            match function.as_str() {
                "process-expiry" => process_expiry::handle(&shop, &queue, batch).await,
                "build-exports" => build_exports::handle(&shop, &queue, batch).await,
                "update-desk" => update_desk::handle(&shop, &queue, batch).await,
                "settle-payments" => settle_payments::handle(&shop, &queue, &letters, batch).await,
                "deliver-orders" => {
                    let random = shop.random.clone();
                    let platform = DataPlatform(platform_of);
                    DeliveryWorker::new(platform, signs, queue, letters, same, random).handle(batch).await
                }
                other => panic!("{other} consumes a queue, but not here"),
            }
        });
        let Some(Ok(answer)) = work.await else {
            // The state of the instance is lost.
            (circuit, signer) = (self::circuit(&world), self::signer(&world));
            continue;
        };
        let failed = |id: &str| answer.batch_item_failures.iter().any(|failure| failure.item_identifier == id);
        // A message comes again if its deletion is lost.
        let is_lost = world.injects(FaultKind::MessageFaults) && chance.below(10) == 0;
        ids.iter().filter(|id| !failed(id) && !is_lost).for_each(|id| world.bus.delete(id));
    }
}

/// A closed circuit.
fn circuit(world: &World) -> Circuit {
    let world = world.clone();
    Circuit::new(Clock::new(move || world.now()))
}

/// A signer with an empty cache. Its store has no faults: those of reading secrets are tests of their own.
fn signer(world: &World) -> Signer {
    // A client takes longer to make than a delivery, so all runs share one.
    static STORE: LazyLock<ParameterStore> = LazyLock::new(ParameterStore::default);
    static CLIENT: LazyLock<Client> = LazyLock::new(|| STORE.client());

    let world = world.clone();
    STORE.signer_over(CLIENT.clone(), Clock::new(move || world.now()))
}

/// Runs an operation that no client asks for.
pub(super) async fn run(world: &World, operation: &Operation, chance: Chance) {
    match operation {
        Operation::Request(_)
        | Operation::Walk(_)
        | Operation::WithoutRole(_)
        | Operation::Invalid(_)
        | Operation::PayInSession(_) => {}
        Operation::Sweep(task) => sweep(world, *task, chance).await,
        Operation::RebuildSales => rebuild_sales(world, chance).await,
        Operation::RefreshRanks => refresh_ranks(world, chance).await,
        Operation::SweepPayments => sweep_payments(world, chance).await,
        Operation::EndWithdrawal(id, status) => outside::end_withdrawal(world, id, status, chance),
    }
}

/// Runs a task of the sweep once.
pub(super) async fn sweep(world: &World, task: Task, chance: Chance) {
    let name = format!("sweep {}", task.name());
    scheduled(world, &name, chance, |shop| async move { sweep::run(&shop, &[task]).await }).await;
}

/// Asks the payment provider about open payments, and sends money back.
pub(super) async fn sweep_payments(world: &World, chance: Chance) {
    scheduled(world, "sweep-payments", chance, |shop| async move { sweep_payments::run(&shop).await }).await;
}

/// Makes the ranks of the bestsellers exact again.
pub(super) async fn refresh_ranks(world: &World, chance: Chance) {
    scheduled(world, "rebuild-sales", chance, |shop| async move { rebuild_sales::refresh(&shop).await }).await;
}

/// Runs a scheduled function once.
async fn scheduled<T, F>(world: &World, name: &str, chance: Chance, handle: impl FnOnce(Arc<Shop>) -> F)
where
    F: Future<Output = Result<T, Error>>,
{
    let done = world.invoke(name.to_owned(), chance, SWEEP, |shop, _| handle(shop)).await;
    world.trace.note(name, || format!("{}", done.is_some_and(|done| done.is_ok())));
}

/// The number of calls of the rebuild in one night.
const CALLS: u32 = 40;

/// Calls the rebuild of the bestsellers, as its schedule does, until it is done.
pub(super) async fn rebuild_sales(world: &World, mut chance: Chance) {
    for _ in 0..CALLS {
        let name = "rebuild-sales".to_owned();
        let pace = world.settings.pace;
        let work = world.invoke(name, Chance::new(chance.bits()), SWEEP, |shop, _| async move {
            rebuild_sales::handle(&shop, &pace, PATIENCE).await
        });
        let progress = work.await;
        world.trace.note("rebuild-sales", || format!("{progress:?}"));
        if matches!(progress, Some(Ok(Progress::Finished(_) | Progress::Resting(_)))) {
            return;
        }
        sleep(Duration::from_millis(500 + chance.below(20_000))).await;
    }
}
