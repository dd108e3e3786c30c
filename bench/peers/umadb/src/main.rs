// umadb-load ADDRESS MODE SECONDS IN_FLIGHT BATCH   One kind of load for UmaDB, over its gRPC; one JSON line.
//   append    BATCH events of 100 B an append; each names one tag, whose last position is the condition
//   fill      1,000 tags with 10 events each, scattered
//   read-ten  the ten events of one of those tags
//   read-all  everything, at most a million events, once
use futures::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::*;

const TAGS_EACH: u64 = 64;
const TEN_TAGS: u64 = 1000;
const READ_MAX: u64 = 1_000_000;

struct Load {
    seconds: Duration,
    in_flight: u64,
    batch: usize,
}

fn event(tag: &str) -> DcbEvent {
    DcbEvent::new().event_type("OrderPlaced").data(vec![b'x'; 100]).tags([tag])
}

fn of_tag(tag: &str) -> DcbQuery {
    DcbQuery::new().item(DcbQueryItem::new().tags([tag]))
}

fn report(mut times: Vec<f64>, events: u64, seconds: f64) {
    times.sort_by(f64::total_cmp);
    let us = |part: f64| times[((times.len() as f64 * part) as usize).min(times.len() - 1)] * 1e6;
    println!(
        "{{\"operations\":{},\"events\":{},\"seconds\":{:.6},\"p50_us\":{:.1},\"p99_us\":{:.1}}}",
        times.len(), events, seconds, us(0.5), us(0.99)
    );
}

async fn append_until(client: Arc<AsyncUmaDbClient>, worker: u64, batch: usize, end: Instant) -> Vec<f64> {
    let run = std::process::id();
    let mut last = vec![None; TAGS_EACH as usize];
    let mut times = vec![];
    while Instant::now() < end {
        let at = times.len() % last.len();
        let tag = format!("order-{run}-{worker}-{at}");
        let events = (0..batch).map(|_| event(&tag)).collect();
        let condition = DcbAppendCondition::new(of_tag(&tag)).after(last[at]);
        let began = Instant::now();
        last[at] = Some(client.append(events, Some(condition), None).await.expect("append"));
        times.push(began.elapsed().as_secs_f64());
    }
    times
}

async fn read_until(client: Arc<AsyncUmaDbClient>, worker: u64, end: Instant) -> Vec<f64> {
    let mut times = vec![];
    let mut at = worker * 37;
    while Instant::now() < end {
        at = (at + 331) % TEN_TAGS;
        let began = Instant::now();
        let mut found = client.read(Some(of_tag(&format!("ten-{at}"))), None, false, None).await.expect("read");
        let mut count = 0;
        while let Some(one) = found.next().await {
            one.expect("read");
            count += 1;
        }
        assert_eq!(count, 10);
        times.push(began.elapsed().as_secs_f64());
    }
    times
}

async fn fill(client: &AsyncUmaDbClient) {
    for _ in 0..10 {
        let events = (0..TEN_TAGS).map(|at| event(&format!("ten-{at}"))).collect();
        client.append(events, None, None).await.expect("append");
    }
}

async fn read_all(client: &AsyncUmaDbClient) -> u64 {
    let mut count = 0;
    let mut found = client.read(None, None, false, None).await.expect("read");
    while let Some(one) = found.next().await {
        one.expect("read");
        count += 1;
        if count == READ_MAX {
            break;
        }
    }
    count
}

async fn workers(client: Arc<AsyncUmaDbClient>, load: &Load, reading: bool) -> Vec<f64> {
    let end = Instant::now() + load.seconds;
    let mut running = vec![];
    for worker in 0..load.in_flight {
        let (client, batch) = (client.clone(), load.batch);
        running.push(tokio::spawn(async move {
            if reading { read_until(client, worker, end).await } else { append_until(client, worker, batch, end).await }
        }));
    }
    let mut times = vec![];
    for one in running {
        times.extend(one.await.expect("worker"));
    }
    times
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let given: Vec<String> = std::env::args().collect();
    let number = |at: usize| given[at].parse::<u64>().expect("a number");
    let load = Load { seconds: Duration::from_secs(number(3)), in_flight: number(4), batch: number(5) as usize };
    let client = UmaDbClient::new(format!("http://{}", given[1])).batch_size(1000).connect_async().await.expect("connect");
    let client = Arc::new(client);
    let began = Instant::now();
    let (times, each) = match given[2].as_str() {
        "append" => (workers(client, &load, false).await, load.batch as u64),
        "read-ten" => (workers(client, &load, true).await, 10),
        "fill" => {
            fill(&client).await;
            (vec![began.elapsed().as_secs_f64()], TEN_TAGS * 10)
        }
        "read-all" => {
            let count = read_all(&client).await;
            (vec![began.elapsed().as_secs_f64()], count)
        }
        other => panic!("no mode {other}"),
    };
    let seconds = began.elapsed().as_secs_f64();
    let events = times.len() as u64 * each;
    report(times, events, seconds);
}
