"""Processes: what the processes of one training say to each other. One alone says nothing.

``torchrun`` and ``accelerate launch`` start them and give each its number in its environment.
Number 0 leads: it alone prints and writes, and the others end as it ends. What it tells them goes
by way of a store, so that nobody's patience runs out while it works alone; only gradients and
losses are added up by all. Knows none of our networks and no texts.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import torch
import torch.distributed as dist
import typer
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from models.errors import XiaobaoError

TOLD, ENDED, GONE = "told", "ended", "gone"  # keys of the store
PAUSE = 0.05  # seconds between two looks at the store
FAREWELL = 10.0  # seconds that the leader waits for the others to hear its end


class ProcessesError(XiaobaoError):
    """Processes that do not work together as they should."""


class OtherEndedError(Exception):
    """Another process has ended this training; it has told why. ``status``: its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Processes:
    """This process, number ``rank`` of ``count``, and its way to the others."""

    def __init__(self, *, rank: int = 0, count: int = 1, store: Store | None = None) -> None:
        self.rank, self.count = rank, count
        self._store = store
        self._messages = 0

    @property
    def leads(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def tell(self, message: Any) -> None:
        """The leader's next message to all others: anything that JSON can hold."""
        if self._store is not None:
            self._store.set(self._next(), json.dumps(message))

    def hear(self) -> Any:
        """The leader's next message, however long it takes; OtherEndedError if none will come."""
        return json.loads(self._awaited(self._next()))

    def agree(self, fact: str, *, on: str) -> None:
        """Raises ProcessesError in a process whose fact is not the leader's; ``on``: its name."""
        if self.leads:
            self.tell(fact)
        elif (wanted := self.hear()) != fact:
            raise ProcessesError(
                f"{on}: {fact} found, {wanted} wanted, as in the first process; all must read the "
                "same files"
            )

    def joined(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network with gradients that are the mean over all processes after each backward."""
        if self._store is None:
            return network
        if not dist.is_initialized():
            dist.init_process_group(
                "nccl" if device.type == "cuda" else "gloo",
                store=PrefixStore("sums", self._store),
                rank=self.rank,
                world_size=self.count,
            )
        return DistributedDataParallel(
            network,
            device_ids=[device.index] if device.type == "cuda" else None,
            gradient_as_bucket_view=True,
        )

    def summed(self, number: Tensor) -> float:
        """The sum of the number over all processes, the same in each."""
        total = number.detach().clone()
        if self._store is not None:
            dist.all_reduce(total)
        return float(total)

    def end(self, status: int) -> None:
        """Tells all others that this process ends the training; whoever is first is heard."""
        with suppress(dist.DistError):  # who held the store has gone
            if self._store is not None:
                self._store.compare_set(ENDED, "", str(status))

    def ended(self, *, within: float) -> int | None:
        """The status with which a process has ended the training, None if none does in time.

        within: seconds. Also None where the process that held the store has gone.
        """
        until = time.monotonic() + within
        with suppress(dist.DistError):
            while self._store is not None:
                if self._store.check([ENDED]):
                    return int(self._store.get(ENDED))
                if time.monotonic() >= until:
                    break
                time.sleep(PAUSE)
        return None

    def part(self) -> None:
        """Leaves; the leader, who may hold the store, last."""
        if self._store is None:
            return
        if dist.is_initialized():
            dist.destroy_process_group()
        with suppress(dist.DistError):
            self._store.add(GONE, 1)
            until = time.monotonic() + FAREWELL
            while self.leads and self._store.add(GONE, 0) < self.count and time.monotonic() < until:
                time.sleep(PAUSE)

    def _next(self) -> str:
        self._messages += 1
        return f"{TOLD}/{self._messages}"

    def _awaited(self, key: str) -> bytes:
        assert self._store is not None, "one process alone hears nobody"
        while not self._store.check([key]):
            if (status := self.ended(within=0)) is not None:
                raise OtherEndedError(status)
            time.sleep(PAUSE)
        return bytes(self._store.get(key))


ALONE = Processes()


@contextmanager
def together() -> Iterator[Processes]:
    """The processes of this training, for as long as they work; all leave with one status.

    An error in one ends all: it is told by the process that met it, with its number unless it is
    the leader, and the others leave silently with its status.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield ALONE
        return
    store, rank, count = next(rendezvous("env://"))
    processes = Processes(rank=rank, count=count, store=PrefixStore("xiaobao", store))
    try:
        yield processes
        if processes.leads:
            processes.end(0)
        elif status := processes.ended(within=float("inf")):
            raise typer.Exit(status)
    except BaseException as error:
        left_with = ending(error, processes)
        if left_with is error:
            raise
        raise left_with from error
    finally:
        processes.part()


def ending(error: BaseException, processes: Processes) -> BaseException:
    """What this process leaves with after an error: its own, or the status of who ended all."""
    if isinstance(error, typer.Exit):
        processes.end(error.exit_code)
        return error
    if isinstance(error, OtherEndedError):
        return typer.Exit(error.status)
    if _is_lost_connection(error):
        status = processes.ended(within=FAREWELL)
        if status is not None:
            return typer.Exit(status)
        error = ProcessesError("lost another process; all of them wanted until the end")
    processes.end(2 if isinstance(error, XiaobaoError) else 1)
    if processes.leads or not isinstance(error, XiaobaoError):
        return error
    return ProcessesError(f"process {processes.rank + 1} of {processes.count}: {error}")


def _is_lost_connection(error: BaseException) -> bool:
    """Whether this is what adding up raises where another process has gone."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and "gloo" in str(error)
    )


def refuse_several(command: str) -> None:
    """Ends a command that does not share its steps, where it was started as several processes."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count > 1 and os.environ.get("RANK", "0") != "0":
        raise typer.Exit(2)  # the first says why
    if count > 1:
        raise ProcessesError(f"{command}: {count} processes found, one wanted")


def alone_by_mistake() -> bool:
    """Whether ``accelerate launch`` was asked for several processes and started this one only."""
    given = os.environ
    return "ACCELERATE_MIXED_PRECISION" in given and "MASTER_PORT" in given and "RANK" not in given


def gradients_kept(network: nn.Module, *, until_last: bool) -> AbstractContextManager[None]:
    """While it holds, joined gradients add up in each process, until those of the last pass."""
    if until_last and isinstance(network, DistributedDataParallel):
        return network.no_sync()
    return nullcontext()


def device_here(device: torch.device, processes: Processes) -> torch.device:
    """The device of this process: each has a graphics processor of its own, where they have any."""
    if device.type != "cuda" or processes.count == 1:
        return device
    number, found = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= found:
        raise ProcessesError(
            f"{found} graphics processors found, one for each process of a machine wanted"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
