"""The embedded ClickHouse server: chDB behind ClickHouse's native protocol, for clickhouse-driver on loopback.

    server      listens; one thread and one engine connection per wire connection
    session     one wire connection, from hello to its end
    packets     what travels: hello, query, data, exception (revision 54453)
    blocks      where a block ends: a walk over its columns that only looks at lengths
    layouts     ClickHouse types as trees that know how their columns lie on the wire
    wire        bounded reading and writing of numbers and strings
    statements  the few things that have to be known about a statement's text
    engine      chDB: streams, inserts, settings that last for one query
    canceller   ends the queries of clients that cancel or go away
    errors      codes and messages as ClickHouse names them

Beside a real server it has one user, no compression, no external tables, no progress, and no row of totals.
"""
