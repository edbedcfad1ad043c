"""`LangGraphApp`: a graph whose threads are runs. It is started here and resumed by any worker."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Literal

from langgraph.pregel import Pregel

from holdshort.adapters import (
    LEASE_SECONDS,
    AnyClient,
    Run,
    RunBusy,
    Suspended,
    ado,
    aopen_run,
    await_for_all,
    do,
    open_run,
    wait_for_all,
)
from holdshort.client.async_client import AsyncClient
from holdshort_langgraph.driving import (
    Graph,
    Options,
    checked,
    driven,
    failing,
    is_async,
    said,
    saver_of,
)
from holdshort_langgraph.protocol import (
    End,
    Go,
    Load,
    Look,
    Rules,
    Step,
    Steps,
    Tell,
    invoked,
    resumed,
)
from holdshort_langgraph.session import CURRENT, Session


class LangGraphApp:
    """Runs a graph so that it can wait for people: in this process or any other, for days.

    >>> app = LangGraphApp(graph, client, name="exports")
    >>> result = app.invoke({"messages": [("user", "export all")]}, thread_id="t1")
    >>> if isinstance(result, Suspended): ...    # asked; the process may end
    >>> Worker(client, apps=[app]).run()         # goes on when it is decided, where this runs

    Args:
        graph: a compiled graph (a `create_agent` is one, an `@entrypoint` too) with a checkpointer
            that other processes can read. Or what makes one: a function, or an async context
            manager for savers that live on an event loop.
        name: the app's name: the same wherever its threads are resumed.
        fields: fields of `POST /v1/intents` (`to`, `deadline`, …) for the questions of graphs that
            do not say them.
        wakes: whether a thread goes on at `any` decision, or when `all` of its questions have one.
        asynchronous: whether workers run the graph on their event loop; by default they do where
            the client or the graph's factory is async.
        lease_seconds: for how long a thread belongs to a process that has died.
        quiet: seconds given to a run that was started outside of an app and may be under way.

    One process at a time works on a thread (RunBusy for the others). While it does, nothing that
    the thread asks can be decided: the questions are filed in the transaction that lets go of it.
    """

    def __init__(
        self,
        graph: Graph | Callable[[], Any],
        client: AnyClient,
        *,
        name: str,
        fields: Mapping[str, Any] | None = None,
        wakes: Literal["all", "any"] = "any",
        asynchronous: bool | None = None,
        lease_seconds: float = LEASE_SECONDS,
        quiet: float = 30.0,
    ) -> None:
        self._graph = graph
        self.client = client
        self.name = name
        self._rules = Rules(name, dict(fields or {}), wakes, quiet)
        self._lease_seconds = lease_seconds
        on_a_loop = isinstance(client, AsyncClient) or is_async(graph)
        self._asynchronous = on_a_loop if asynchronous is None else asynchronous
        if isinstance(graph, Pregel):
            checked(graph)

    def invoke(
        self,
        input: Any,
        thread_id: str,
        *,
        wait: float | None = None,
        replace: bool = False,
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Run the graph on an input; return its result, or Suspended where it asks people.

        With `wait` this process waits so many seconds for the decisions and goes on itself. With
        `replace` the input takes the place of what the thread has asked, and the reviewers are told
        that. `options` are those of the graph's own `invoke`.

        Raises RunBusy where another process works on this thread, Conflict where it waits for
        decisions and the input is not to replace them.
        """
        with self._opened(thread_id) as run:
            result = self._take(
                run, invoked(run, self._rules, input, replace=replace), Options(config, options)
            )
        while wait is not None and isinstance(result, Suspended):
            if not wait_for_all(self.client, result.intent_ids, timeout=wait):
                break
            try:
                with self._opened(thread_id) as run:
                    result = self._take(run, resumed(run, self._rules), Options(config, options))
            except RunBusy:
                break  # a worker was faster
        return result

    async def ainvoke(
        self,
        input: Any,
        thread_id: str,
        *,
        wait: float | None = None,
        replace: bool = False,
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """`invoke` on an event loop."""
        async with self._aopened(thread_id) as run:
            steps = invoked(run, self._rules, input, replace=replace)
            result = await self._atake(run, steps, Options(config, options))
        while wait is not None and isinstance(result, Suspended):
            if not await await_for_all(self.client, result.intent_ids, timeout=wait):
                break
            try:
                async with self._aopened(thread_id) as run:
                    steps = resumed(run, self._rules)
                    result = await self._atake(run, steps, Options(config, options))
            except RunBusy:
                break
        return result

    def stream(
        self,
        input: Any,
        thread_id: str,
        *,
        replace: bool = False,
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Iterator[Any]:
        """Run the graph and yield what its own `stream` yields; last of all Suspended, where it
        asks people. The run ends when this has been read to its end."""
        call = Options(config, options)
        with self._opened(thread_id) as run, self._made() as graph:
            steps = invoked(run, self._rules, input, replace=replace)
            reply: Any = None
            while True:
                try:
                    step = steps.send(reply)
                except StopIteration as stop:
                    if isinstance(stop.value, Suspended):
                        yield stop.value
                    return
                if isinstance(step, Go):
                    chunks = graph.stream(step.input, call.config(thread_id), **call.options)
                    yield from self._inside(run, chunks)
                    reply = graph.get_state(call.config(thread_id)).values
                else:
                    reply = self._step(run, graph, step, call)

    async def astream(
        self,
        input: Any,
        thread_id: str,
        *,
        replace: bool = False,
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """`stream` on an event loop."""
        call = Options(config, options)
        async with self._aopened(thread_id) as run, self._amade() as graph:
            steps = invoked(run, self._rules, input, replace=replace)
            reply: Any = None
            while True:
                try:
                    step = steps.send(reply)
                except StopIteration as stop:
                    if isinstance(stop.value, Suspended):
                        yield stop.value
                    return
                if isinstance(step, Go):
                    chunks = graph.astream(step.input, call.config(thread_id), **call.options)
                    async for chunk in self._ainside(run, chunks):
                        yield chunk
                    reply = (await graph.aget_state(call.config(thread_id))).values
                else:
                    reply = await self._astep(run, graph, step, call)

    def resume(self, run: Run) -> Any:
        """Go on with a suspended thread: what a `Worker` calls. It ends the run."""
        if self._asynchronous:
            return self._atake(run, resumed(run, self._rules), Options())
        return self._take(run, resumed(run, self._rules), Options())

    def _opened(self, thread_id: str) -> contextlib.AbstractContextManager[Run]:
        run = open_run(
            self.client, thread_id, app=self.name, lease_seconds=self._lease_seconds, again=True
        )
        return failing(run)

    @contextlib.asynccontextmanager
    async def _aopened(self, thread_id: str) -> AsyncIterator[Run]:
        run = await aopen_run(
            self.client, thread_id, app=self.name, lease_seconds=self._lease_seconds, again=True
        )
        try:
            yield run
        except Exception as error:
            if run.held:
                await run.afail(said(error))
            raise
        except BaseException:
            if run.held:
                await run.arelease()
            raise

    def _session(self, run: Run) -> Session:
        return Session(self.client, self.name, run.id)

    def _take(self, run: Run, steps: Steps, call: Options) -> Any:
        with self._made() as graph:
            return driven(steps, lambda step: self._step(run, graph, step, call))

    async def _atake(self, run: Run, steps: Steps, call: Options) -> Any:
        async with self._amade() as graph:
            reply, failed = None, None
            while True:
                try:
                    step = steps.throw(failed) if failed else steps.send(reply)
                except StopIteration as stop:
                    return stop.value
                try:
                    reply, failed = await self._astep(run, graph, step, call), None
                except Exception as error:
                    failed = error

    def _step(self, run: Run, graph: Graph, step: Step, call: Options) -> Any:
        config = call.config(run.id)
        if isinstance(step, Load):
            return saver_of(graph).get_tuple(config)
        if isinstance(step, Look):
            return graph.get_state(config)
        if isinstance(step, Tell):
            return do(self.client, step.flow)
        if isinstance(step, End):
            return getattr(run, step.how)(**step.said)
        token = CURRENT.set(self._session(run))
        try:
            return graph.invoke(step.input, config, **call.options)
        finally:
            CURRENT.reset(token)

    async def _astep(self, run: Run, graph: Graph, step: Step, call: Options) -> Any:
        config = call.config(run.id)
        if isinstance(step, Load):
            return await saver_of(graph).aget_tuple(config)
        if isinstance(step, Look):
            return await graph.aget_state(config)
        if isinstance(step, Tell):
            return await ado(self.client, step.flow)
        if isinstance(step, End):
            return await getattr(run, f"a{step.how}")(**step.said)
        token = CURRENT.set(self._session(run))
        try:
            return await graph.ainvoke(step.input, config, **call.options)
        finally:
            CURRENT.reset(token)

    def _inside(self, run: Run, chunks: Iterator[Any]) -> Iterator[Any]:
        """Read a stream with the session in its context, and in nobody else's."""
        while True:
            token = CURRENT.set(self._session(run))
            try:
                chunk = next(chunks)
            except StopIteration:
                return
            finally:
                CURRENT.reset(token)
            yield chunk

    async def _ainside(self, run: Run, chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
        while True:
            token = CURRENT.set(self._session(run))
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            finally:
                CURRENT.reset(token)
            yield chunk

    @contextlib.contextmanager
    def _made(self) -> Iterator[Graph]:
        if isinstance(self._graph, Pregel):
            yield self._graph
            return
        made = self._graph()
        if hasattr(made, "__enter__"):
            with made as graph:
                yield checked(graph)
        else:
            yield checked(made)

    @contextlib.asynccontextmanager
    async def _amade(self) -> AsyncIterator[Graph]:
        if isinstance(self._graph, Pregel):
            yield self._graph
            return
        made = self._graph()
        if hasattr(made, "__aenter__"):
            async with made as graph:
                yield checked(graph)
        elif hasattr(made, "__enter__"):
            with made as graph:
                yield checked(graph)
        else:
            yield checked(await made if inspect.isawaitable(made) else made)
