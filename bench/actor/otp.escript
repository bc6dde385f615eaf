#!/usr/bin/env escript
%% The same figures of Erlang/OTP's processes: lines "name value", a second, or bytes. Argument: how many.
%%! +S 1:1 +sbwt none
-mode(compile).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2, idle/0, count/3]).

init(State) -> {ok, State}.
handle_call(get, _From, State) -> {reply, State, State}.
handle_cast(add, State) -> {noreply, State + 1}.

idle() -> receive stop -> ok end.

%% Tells Parent when Left messages have come.
count(Parent, Left, Message) when Left > 0 -> receive Message -> count(Parent, Left - 1, Message) end;
count(Parent, 0, _) -> Parent ! done.

a_second(Count, Work) ->
    {Us, _} = timer:tc(Work),
    Count * 1000000.0 / max(Us, 1).

send(_, 0) -> ok;
send(To, Left) -> To ! add, send(To, Left - 1).

cast(_, 0) -> ok;
cast(To, Left) -> gen_server:cast(To, add), cast(To, Left - 1).

call(_, 0) -> ok;
call(To, Left) -> gen_server:call(To, get), call(To, Left - 1).

say(Name, Value) -> io:format("~s ~.1f~n", [Name, Value * 1.0]).

main([Text]) ->
    Count = list_to_integer(Text),
    Parent = self(),
    say("send", a_second(Count, fun() ->
        To = spawn(?MODULE, count, [Parent, Count, add]),
        send(To, Count),
        receive done -> ok end
    end)),
    {ok, Server} = gen_server:start(?MODULE, 0, []),
    say("cast", a_second(Count, fun() -> cast(Server, Count), gen_server:call(Server, get, infinity) end)),
    Calls = Count div 10,
    say("call", a_second(Calls, fun() -> call(Server, Calls) end)),
    Processes = min(Count div 10, 200000),
    Before = erlang:memory(processes),
    {Us, Idle} = timer:tc(fun() -> [spawn(?MODULE, idle, []) || _ <- lists:seq(1, Processes)] end),
    say("spawn", Processes * 1000000.0 / max(Us, 1)),
    say("idle_bytes", (erlang:memory(processes) - Before) / Processes),
    [Pid ! stop || Pid <- Idle],
    ok.
