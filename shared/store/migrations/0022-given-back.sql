-- Two gateways may have ended one answer, and the budgets have counted it at both. What a request has
-- counted there is noted, so that it can be given back once. Null in rows from before.
alter table requests add column charged_tokens bigint;
-- Both counts only grow, so that gateways may learn them in any order; what is used is between them.
alter table budget_use add column given_back bigint not null default 0;
