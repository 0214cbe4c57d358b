"""At most once: 32 clients place orders while the exchange, or the way to it, fails in every way that the fault table
names. tests/faults.sh runs the same with 10,000 orders for each."""
import os
from types import SimpleNamespace

import pytest

import faults
from dropping_network import dropping_network
from fault_table import BOTH, DROPPED, cases

ORDERS = int(os.environ.get("COUNTERSIGN_FAULT_ORDERS", "200"))
TABLE = os.environ.get("COUNTERSIGN_FAULT_TABLE")  # a file to which each run adds its row

pytestmark = [pytest.mark.once, pytest.mark.timeout(120 + ORDERS // 20)]


def add_to_table(run):
    if TABLE:
        with open(TABLE, "a", encoding="ascii") as table:
            print(*run.table_row(), sep="\t", file=table)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, authority, certificate_file, account):
    """One upstream and one proxy for all faults."""
    with faults.running(tmp_path_factory.mktemp("faults"), authority.ca_file, certificate_file, account) as both:
        yield both


@pytest.mark.parametrize("fault, protocol", [pytest.param(fault, protocol, id=f"{fault.name}, HTTP {protocol}")
                                             for fault, protocol in cases()])
def test_no_order_arrives_twice_and_each_client_is_told_what_is_known(faulty, fault, protocol):
    run = faults.run(faulty, fault, protocol, ORDERS)
    add_to_table(run)
    faults.judge(run)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory, authority, account):
    """The upstream in a network of its own, which drops packets on their way in and out."""
    with dropping_network() as network:
        certificate = authority.issue(network.address)
        with faults.running(tmp_path_factory.mktemp("lossy"), authority.ca_file, certificate, account,
                            address=network.address, command=network.command) as both:
            yield SimpleNamespace(network=network, **vars(both))


@pytest.mark.parametrize("protocol", BOTH)
def test_no_order_arrives_twice_where_the_network_drops_packets(lossy, protocol):
    before = lossy.network.dropped()
    run = faults.run(lossy, DROPPED, protocol, ORDERS)
    run.report["strikes"] = lossy.network.dropped() - before
    add_to_table(run)
    faults.judge(run)
