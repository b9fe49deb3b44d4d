//! The cases of test/clients/table.py: cases ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]

#[allow(dead_code)] // its main
#[path = "client.rs"]
mod client;

use std::error::Error;
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use prost::Message;
use tonic::{Code, Request, Status};

use client::values::{NdArray, Own};
use client::{Grid, call_of, cell, failure_of, pb};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let token = |file: &str| std::fs::read_to_string(file);
    let grid = Grid::connect(&args[1], &args[2], Some(token(&args[3])?.trim())).await?;
    if args.get(5).is_some_and(|word| word == "--values") {
        return echo_values(&grid, &args[6], &args[7]).await;
    }
    let narrow = Grid::connect(&args[1], &args[2], Some(token(&args[4])?.trim())).await?;
    let nobody = Grid::connect(&args[1], &args[2], None).await?;
    run(&grid).await?;
    ends(&grid).await?;
    refusals(&grid, &narrow, &nobody).await
}

async fn run(grid: &Grid) -> Result<()> {
    println!("call: {}", shown(&grid.call(cell(&[1, 2]), "add", vec![1.5.into()]).await?));
    println!("broadcast: {}", words(grid.broadcast("add", vec![0.25.into()]).await?.iter().map(shown)));
    println!("reduce: {}", shown(&reduce(grid).await?));
    let values = vec![0.75.into(), 1.25.into(), "ping".into()];
    println!("stream: {}", words(grid.stream(cell(&[0, 1]), "chat", values).await?.iter().map(shown)));
    println!("array: {}", array(grid).await?);
    println!("list: {}", list(grid).await?);
    println!("describe: {}", describe(grid).await?);
    println!("watch: {}", watch(grid).await?);
    Ok(())
}

async fn ends(grid: &Grid) -> Result<()> {
    println!("error: {}", failed(grid).await);
    let mut hurried = Request::new(slow());
    hurried.set_timeout(Duration::from_millis(300));
    println!("deadline: {}", status(grid.ask(hurried)).await);
    println!("cancelled: {}", cancelled(grid).await);
    Ok(())
}

async fn refusals(grid: &Grid, narrow: &Grid, nobody: &Grid) -> Result<()> {
    let elsewhere = pb::Target { object: Some(pb::target::Object::Name("nobody".into())), index: vec![] };
    let origin = || cell(&[0, 0]);
    println!("unknown: {}", status(grid.call(elsewhere, "get", vec![])).await);
    println!("not_exposed: {}", status(grid.call(origin(), "hidden", vec![])).await);
    println!("wrong_type: {}", status(grid.call(origin(), "add", vec!["much".into()])).await);
    println!("over_limit: {}", status(grid.call(origin(), "echo", vec![vec![0u8; 2 << 20].into()])).await);
    println!("no_token: {}", status(nobody.call(origin(), "get", vec![])).await);
    println!("wrong_scope: {}", status(narrow.call(origin(), "add", vec![1.0.into()])).await);
    Ok(())
}

fn words<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" ")
}

fn shown(own: &Own) -> String {
    match own {
        Own::Real(it) => it.to_string(),
        Own::Text(it) => it.clone(),
        other => format!("{other:?}"),
    }
}

/// gRPC's name of the status of a call.
async fn status(call: impl Future<Output = std::result::Result<Own, Status>>) -> &'static str {
    match call.await {
        Ok(_) => "OK",
        Err(error) => name_of(error.code()),
    }
}

fn name_of(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "CANCELLED",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Aborted => "ABORTED",
        Code::Unauthenticated => "UNAUTHENTICATED",
        other => other.description(),
    }
}

async fn reduce(grid: &Grid) -> Result<Own> {
    let reducer = pb::Reducer::Sum.into();
    let request = pb::ReduceRequest { target: Some(cell(&[])), method: "get".into(), arguments: None, reducer };
    Ok(grid.stub.clone().reduce(request).await?.into_inner().result.unwrap_or_default().try_into()?)
}

async fn array(grid: &Grid) -> Result<String> {
    let data = NdArray::new(&[0.5, 1.5, 2.5, 3.5, 4.5, 5.5], &[2, 3]);
    let scaled: NdArray = grid.call(cell(&[3, 3]), "scaled", vec![data.into(), 3.0.into()]).await?.try_into()?;
    let shape = words(&scaled.shape).replace(' ', "x");
    Ok(format!("{} {shape} {}", scaled.dtype, words(scaled.elements::<f64>()?)))
}

async fn list(grid: &Grid) -> Result<String> {
    let listed = grid.stub.clone().list_objects(pb::ListObjectsRequest::default()).await?.into_inner();
    Ok(words(listed.objects.into_iter().map(|object| object.name)))
}

async fn describe(grid: &Grid) -> Result<String> {
    let request = pb::GetObjectRequest { target: Some(cell(&[])) };
    let object = grid.stub.clone().get_object(request).await?.into_inner().object.unwrap_or_default();
    let add = object.methods.iter().find(|method| method.name == "add").ok_or("no method add")?;
    let parameters = add.parameters.iter().map(|one| format!("{}: {}", one.name, one.r#type));
    Ok(format!("{}({}) -> {}", add.name, parameters.collect::<Vec<_>>().join(", "), add.returns))
}

async fn watch(grid: &Grid) -> Result<String> {
    let future: pb::Future = grid.call(cell(&[0, 0]), "later", vec![]).await?.try_into()?;
    let request = pb::WatchFutureRequest { future: Some(future) };
    let mut responses = grid.stub.clone().watch_future(request).await?.into_inner();
    let mut came = Vec::new();
    while let Some(response) = responses.message().await? {
        came.push(shown(&response.value.unwrap_or_default().try_into()?));
    }
    Ok(words(came))
}

async fn failed(grid: &Grid) -> String {
    match grid.call(cell(&[2, 2]), "fail", vec!["no such luck".into()]).await {
        Ok(own) => shown(&own),
        Err(error) => {
            let failure = failure_of(&error).unwrap_or_default();
            format!("{} {}: {}", name_of(error.code()), failure.r#type, failure.message)
        }
    }
}

fn slow() -> pb::CallRequest {
    call_of(cell(&[0, 0]), "slow", vec![10.0.into()])
}

/// A call is cancelled where nobody waits for it any more; the task that did hears so.
async fn cancelled(grid: &Grid) -> &'static str {
    let grid = grid.clone();
    let task = tokio::spawn(async move { grid.ask(Request::new(slow())).await.is_ok() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    task.abort();
    match task.await {
        Err(error) if error.is_cancelled() => name_of(Code::Cancelled),
        other => panic!("{other:?}"),
    }
}

async fn echo_values(grid: &Grid, from: &str, to: &str) -> Result<()> {
    let source = std::fs::read(from)?;
    let mut left = source.as_slice();
    let mut out = Vec::new();
    while !left.is_empty() {
        let own = pb::Value::decode_length_delimited(&mut left)?.try_into()?;
        let back = grid.call(cell(&[0, 0]), "echo", vec![own]).await?;
        pb::Value::from(back).encode_length_delimited(&mut out)?;
    }
    Ok(std::fs::write(to, out)?)
}
