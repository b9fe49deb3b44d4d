//! Calls the grid of ../grid.py: client ADDRESS CA_FILE TOKEN_FILE

#[path = "values.rs"] // also where cases.rs includes this file
pub mod values;

use std::error::Error;
use std::time::Duration;

use prost::Message;
use tonic::codegen::InterceptedService;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};
use tonic::{Request, Status, TimeoutExpired};

use pb::object_service_client::ObjectServiceClient;
use values::{Mismatch, NdArray, Own, owns};

/// The code of the protos.
pub mod pb {
    tonic::include_proto!("chariot.v1");
}

/// A token that goes with each call.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

#[derive(Clone)]
pub struct Grid {
    pub stub: ObjectServiceClient<InterceptedService<Channel, Bearer>>,
}

impl Grid {
    pub async fn connect(address: &str, authority: &str, token: Option<&str>) -> Result<Grid, Box<dyn Error>> {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(authority)?));
        let channel = Channel::from_shared(format!("https://{address}"))?.tls_config(tls)?.connect().await?;
        let bearer = token.map(|token| format!("Bearer {token}").parse()).transpose()?;
        Ok(Grid { stub: ObjectServiceClient::with_interceptor(channel, Bearer(bearer)) })
    }

    /// A method of one cell; what it returns.
    pub async fn call(&self, target: pb::Target, method: &str, args: Vec<Own>) -> Result<Own, Status> {
        self.ask(Request::new(call_of(target, method, args))).await
    }

    /// The same of a request with a deadline or metadata of its own.
    pub async fn ask(&self, request: Request<pb::CallRequest>) -> Result<Own, Status> {
        let response = self.stub.clone().call(request).await.map_err(told_in_time)?.into_inner();
        Ok(response.result.unwrap_or_default().try_into()?)
    }

    /// A method of all cells; their results in order.
    pub async fn broadcast(&self, method: &str, args: Vec<Own>) -> Result<Vec<Own>, Status> {
        let arguments = Some(positional(args));
        let request =
            pb::BroadcastRequest { target: Some(cell(&[])), method: method.into(), arguments, one_way: false };
        Ok(owns(self.stub.clone().broadcast(request).await?.into_inner().results)?)
    }

    /// A channel to one cell: sends the values, gives what comes until the cell closes it.
    pub async fn stream(&self, target: pb::Target, method: &str, args: Vec<Own>) -> Result<Vec<Own>, Status> {
        use pb::open_channel_request::What;
        let first = pb::ChannelTarget { target: Some(target), method: method.into(), arguments: None };
        let values = args.into_iter().map(|own| What::Value(own.into()));
        let requests: Vec<_> = std::iter::once(What::Target(first))
            .chain(values)
            .map(|what| pb::OpenChannelRequest { what: Some(what) })
            .collect();
        let mut responses = self.stub.clone().open_channel(tokio_stream::iter(requests)).await?.into_inner();
        let mut came = Vec::new();
        while let Some(response) = responses.message().await? {
            came.push(response.value.unwrap_or_default().try_into()?);
        }
        Ok(came)
    }
}

/// Which cell: cell(&[1, 2]). Without indices it is the whole grid.
pub fn cell(index: &[i64]) -> pb::Target {
    pb::Target { object: Some(pb::target::Object::Name("grid".into())), index: index.into() }
}

pub fn call_of(target: pb::Target, method: &str, args: Vec<Own>) -> pb::CallRequest {
    let arguments = Some(positional(args));
    pb::CallRequest { target: Some(target), method: method.into(), arguments, one_way: false }
}

fn positional(args: Vec<Own>) -> pb::Arguments {
    pb::Arguments { positional: values::values(args), named: Default::default() }
}

/// What the method raised; None where it was not run.
pub fn failure_of(error: &Status) -> Option<pb::Failure> {
    let details = tonic_types::Status::decode(error.details()).ok()?.details;
    let told = details.iter().find(|any| any.type_url.ends_with("/chariot.v1.ObjectError"))?;
    pb::ObjectError::decode(told.value.as_slice()).ok()?.failure
}

/// Of a deadline that has passed by its own clock tonic says Cancelled, where the service says DeadlineExceeded.
fn told_in_time(status: Status) -> Status {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return Status::deadline_exceeded(status.message());
        }
        cause = error.source();
    }
    status
}

impl From<Mismatch> for Status {
    fn from(mismatch: Mismatch) -> Self {
        Status::internal(mismatch.to_string())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let grid = Grid::connect(&args[1], &args[2], Some(std::fs::read_to_string(&args[3])?.trim())).await?;

    println!("call: {:?}", grid.call(cell(&[1, 2]), "add", vec![1.5.into()]).await?);
    println!("broadcast: {:?}", grid.broadcast("get", vec![]).await?);
    let values = vec![1.into(), 2.5.into(), "three".into()];
    println!("stream: {:?}", grid.stream(cell(&[0, 1]), "chat", values).await?);

    let data = NdArray::new(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &[2, 3]);
    let scaled = grid.call(cell(&[3, 3]), "scaled", vec![data.into(), 10.0.into()]).await?;
    println!("array: {:?}", NdArray::try_from(scaled)?.elements::<f64>()?);

    if let Err(error) = grid.call(cell(&[0, 0]), "fail", vec!["no such luck".into()]).await {
        println!("error: {:?} {}", error.code(), failure_of(&error).unwrap_or_default().r#type);
    }
    let mut slow = Request::new(call_of(cell(&[0, 0]), "slow", vec![10.0.into()]));
    slow.set_timeout(Duration::from_millis(300));
    if let Err(error) = grid.ask(slow).await {
        println!("deadline: {:?}", error.code());
    }
    Ok(())
}
