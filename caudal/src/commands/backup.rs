//! `caudal backup`: a copy of the store, made beside a running server. It needs the data folder, not the server.

use anyhow::Result;
use caudal_stores::sqlite::{BackupError, back_up_folder};
use serde_json::json;

use super::{SUCCESS, Usage};
use crate::cli::BackupArgs;
use crate::output::Output;
use crate::settings::{SettingFlags, Settings};

pub(super) fn run(args: BackupArgs, output: Output) -> Result<u8> {
    let mut flags = SettingFlags::default();
    flags.0.extend(args.data_folder.map(|folder| ("data_folder", folder)));
    let data_folder = Settings::read_data_folder(flags).map_err(|error| Usage(format!("{error:#}")))?;
    back_up_folder(&data_folder, &args.file).map_err(|error| match error {
        BackupError::NoStore(_) => Usage(format!("{error}; name the server's data folder with --data-folder")).into(),
        BackupError::Exists(_) => Usage(error.to_string()).into(),
        error => anyhow::Error::from(error),
    })?;
    let bytes = std::fs::metadata(&args.file)?.len();
    output.either(&json!({"file": args.file, "bytes": bytes}), |_| {
        format!("{} holds the whole store ({bytes} bytes)", args.file.display())
    });
    Ok(SUCCESS)
}
