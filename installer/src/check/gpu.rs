//! Graphics cards are noted; the product works without one.

use super::{Asked, Found};
use crate::machine::Machine;

pub(super) fn noted(asked: &Asked<'_>) -> Found {
    let machine = asked.machine;
    let cards = cards(machine);
    let driver = machine.text("/proc/driver/nvidia/version");
    let driver = driver.as_deref().and_then(|text| {
        // `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun ...`
        text.split_whitespace().find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))
    });
    match (cards, driver) {
        (0, None) => Found::pass("none"),
        (0, Some(driver)) => Found::pass(format!("NVIDIA driver {driver}, no card on the PCI bus")),
        (count, Some(driver)) => Found::pass(format!("{count} NVIDIA, driver {driver}")),
        (count, None) => Found::pass(format!("{count} NVIDIA, without a driver: not used")),
    }
}

/// Graphics cards and accelerators by NVIDIA on the PCI bus.
fn cards(machine: &Machine) -> usize {
    const DEVICES: &str = "/sys/bus/pci/devices";
    let is_card = |device: &String| {
        let text = |file: &str| machine.text(format!("{DEVICES}/{device}/{file}")).unwrap_or_default();
        text("vendor") == "0x10de" && text("class").starts_with("0x03")
    };
    machine.names(DEVICES).iter().filter(|device| is_card(device)).count()
}
