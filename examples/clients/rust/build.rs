//! The code of the protos, by tonic's own generator, which runs protoc.
fn main() -> std::io::Result<()> {
    let protos = "../../../rpc/proto";
    let service = format!("{protos}/chariot/v1/object_service.proto");
    tonic_prost_build::configure().build_server(false).compile_protos(&[service.as_str()], &[protos])
}
