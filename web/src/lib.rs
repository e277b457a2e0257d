//! probe
mod settings;
pub use settings::*;
#[derive(Debug)] pub struct RunningServer;
impl RunningServer { pub fn address(&self)->std::net::SocketAddr{ "127.0.0.1:1".parse().unwrap() } pub async fn stop(self)->Result<(),std::io::Error>{Ok(())} }
pub fn serve(_e: caudal_engine::Engine, _s: WebSettings)->Result<RunningServer,std::io::Error>{Ok(RunningServer)}
