-- A caller that loses a gateway asks another one for the same answer, and both may end it: one that
-- was only stopped goes on when it is woken. `answer_id` is the same on every way that a request
-- takes, and `way` counts them. Both are null in rows from before.
alter table requests add column answer_id text;
alter table requests add column way integer;
-- Most requests take one way only, and are not in it.
create index requests_by_later_way on requests (answer_id) where way > 0;
