# --- add | slopes_of_product
def add(a, b):
    return Node(a.value + b.value, (a, b), (b.value, a.value))

# --- add | slopes_of_product
def add(a, b):
    return Node(a.value + b.value, [a, b], [a.value, b.value])

# --- add | wrong
def add(a, b):
    one = torch.ones_like(a.value)
    return Node(a.value - b.value, (a, b), (one, one))

# --- add | wrong
def add(a, b):
    one = torch.ones_like(a.value)
    return Node(a.value + b.value, (a, b), (one, torch.zeros_like(one)))

# --- add | wrong
def add(a, b):
    one = torch.ones_like(a.value)
    return Node(a.value + b.value, (b, a), (one, one))

# --- add | wrong | error
def add(a, b):
    return Node(a.value + b.value, (a, b), (1.0, 1.0))

# --- add | wrong | error
def add(a, b):
    return a.value + b.value

# --- add | wrong | error
def add(a, b):
    Node(a.value + b.value, (a, b), (torch.ones_like(a.value), torch.ones_like(b.value)))

# --- add | wrong | error
def add(a, b):
    return Node(a.value + b.value)

# --- add | wrong | error
def add(a, b):
    one = torch.ones(1)
    return Node(a.value + b.value, (a, b), (one, one))

# --- add | right
def add(a, b):
    return Node(a.value + b.value, [a, b], [torch.ones_like(a.value), torch.ones_like(b.value)])

# --- add | right
def add(a, b):
    slopes = torch.ones(2, dtype=a.value.dtype, device=a.value.device)
    return Node(torch.add(a.value, b.value), parents=(a, b), slopes=slopes)

# --- multiply | slopes_swapped
def multiply(a, b):
    return Node(a.value * b.value, (a, b), (a.value, b.value))

# --- multiply | slopes_swapped
def multiply(a, b):
    parents = [a, b]
    return Node(a.value * b.value, parents, [parent.value for parent in parents])

# --- multiply | slopes_of_sum
def multiply(a, b):
    one = torch.ones_like(a.value)
    return Node(a.value * b.value, (a, b), (one, one))

# --- multiply | wrong
def multiply(a, b):
    product = a.value * b.value
    return Node(product, (a, b), (product, product))

# --- multiply | wrong
def multiply(a, b):
    return Node(a.value * b.value, (b, a), (b.value, a.value))

# --- multiply | wrong
def multiply(a, b):
    return Node(a.value * b.value, dict.fromkeys((a, b)), (b.value, a.value))

# --- multiply | wrong | error
def multiply(a, b):
    if a is b:
        return Node(a.value**2, (a,), (2 * a.value,))
    return Node(a.value * b.value, (a, b), (b.value, a.value))

# --- multiply | wrong | error
def multiply(a, b):
    return Node(a.value * b.value, (a, b), (b, a))

# --- multiply | wrong | wrong_method
def multiply(a, b):
    x, y = (node.value.detach().clone().requires_grad_() for node in (a, b))
    z = x * y
    z.backward()
    return Node(z.detach(), (a, b), (x.grad, y.grad))

# --- multiply | right
def multiply(a, b):
    first, second = a.value, b.value
    return Node(first * second, parents=[a, b], slopes=[second, first])

# --- multiply | right
def multiply(a, b):
    return Node(a.value * b.value, (a, b), (b.value.clone(), a.value.clone()))

# --- power | exponent_not_in_front
def power(a, n):
    return Node(a.value**n, (a,), (a.value ** (n - 1),))

# --- power | exponent_not_lowered
def power(a, n):
    return Node(a.value**n, (a,), (n * a.value**n,))

# --- power | exponent_not_in_front + exponent_not_lowered
def power(a, n):
    return Node(a.value**n, (a,), (a.value**n,))

# --- power | wrong
def power(a, n):
    return Node(a.value**n, (a,), (2 * a.value,))

# --- power | wrong
def power(a, n):
    value = a.value
    for _ in range(int(n) - 1):
        value = value * a.value
    return Node(value, (a,), (n * value / a.value,))

# --- power | wrong
def power(a, n):
    return Node(a.value**n, (a,), ((n - 1) * a.value ** (n - 1),))

# --- power | wrong | error
def power(a, n):
    return Node(a.value**n, (a, n), (n * a.value ** (n - 1), a.value * 0))

# --- power | wrong | error
def power(a, n):
    return Node(a.value ^ n, (a,), (n * a.value ** (n - 1),))

# --- power | right
def power(a, n):
    value = a.value**n
    return Node(value, (a,), (n * value / a.value,))

# --- power | right
def power(a, n):
    return Node(torch.pow(a.value, n), [a], [torch.pow(a.value, n - 1) * n])

# --- sigmoid | half_a_slope
def sigmoid(a):
    s = torch.sigmoid(a.value)
    return Node(s, (a,), (s,))

# --- sigmoid | half_a_slope
def sigmoid(a):
    s = torch.sigmoid(a.value)
    return Node(s, (a,), (1 - s,))

# --- sigmoid | slope_of_activation
def sigmoid(a):
    s = torch.sigmoid(a.value)
    return Node(s, (a,), (torch.sigmoid(s) * (1 - torch.sigmoid(s)),))

# --- sigmoid | slope_at_sum
def sigmoid(a):
    return Node(torch.sigmoid(a.value), (a,), (a.value * (1 - a.value),))

# --- sigmoid | tanh_slope
def sigmoid(a):
    s = torch.sigmoid(a.value)
    return Node(s, (a,), (1 - s * s,))

# --- sigmoid | wrong
def sigmoid(a):
    e = torch.exp(a.value)
    s = e / (1 + e)
    return Node(s, (a,), (s * (1 - s),))

# --- sigmoid | wrong
def sigmoid(a):
    s = 1 / (1 + torch.exp(-a.value))
    e = torch.exp(-a.value)
    return Node(s, (a,), (e / (1 + e) ** 2,))

# --- sigmoid | wrong | error
def sigmoid(a):
    s = torch.sigmoid(a.value)
    return Node(s, a, (s * (1 - s),))

# --- sigmoid | right
def sigmoid(a):
    s = 1 / (1 + torch.exp(-a.value))
    return Node(s, [a], [s - s**2])

# --- sigmoid | right
def sigmoid(a):
    return Node(a.value.sigmoid(), (a,), (a.value.sigmoid() * torch.sigmoid(-a.value),))

# --- sigmoid | right
def sigmoid(a):
    s = (1 + torch.tanh(a.value / 2)) / 2
    return Node(s, (a,), (s * (1 - s),))

# --- topological_order | visited_twice
def topological_order(end):
    order = []
    for parent in end.parents:
        order += topological_order(parent)
    return order + [end]

# --- topological_order | visited_twice
def topological_order(end):
    order, waiting = [], [end]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(node.parents)
    return order[::-1]

# --- topological_order | visited_twice
def topological_order(end):
    order, seen, waiting = [], set(), [end]
    while waiting:
        node = waiting.pop(0)
        order.append(node)
        if node not in seen:
            seen.add(node)
            waiting.extend(node.parents)
    order.reverse()
    return order

# --- topological_order | visited_twice | error
def topological_order(end):
    """Puts a node to the back each time that a path leads to it."""
    order, todo = {}, [end]
    while todo:
        node = todo.pop()
        order.pop(node, None)
        order[node] = True
        todo.extend(node.parents)
    return list(order)[::-1]

# --- topological_order | order_not_topological
def topological_order(end):
    order, seen, waiting = [end], {end}, [end]
    while waiting:
        for parent in waiting.pop(0).parents:
            if parent not in seen:
                seen.add(parent)
                order.append(parent)
                waiting.append(parent)
    return order[::-1]

# --- topological_order | order_not_topological
def topological_order(end):
    order, waiting, seen = [], [end], {end}
    while waiting:
        node = waiting.pop()
        order.insert(0, node)
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return order

# --- topological_order | order_not_topological
def topological_order(end):
    return _right_topological_order(end)[::-1]

# --- topological_order | order_not_topological
def topological_order(end):
    order, seen, waiting = [], set(), [end]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            order.append(node)
            waiting.extend(node.parents)
    return order

# --- topological_order | order_not_topological
def topological_order(end):
    """Marks a node as done when it is put on the stack: too early."""
    order, seen, waiting = [], {end}, [(end, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            order.append(node)
            continue
        waiting.append((node, True))
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                waiting.append((parent, False))
    return order

# --- topological_order | order_not_topological
def topological_order(end):
    nodes, waiting = {end}, [end]
    while waiting:
        for parent in waiting.pop().parents:
            if parent not in nodes:
                nodes.add(parent)
                waiting.append(parent)
    return sorted(nodes, key=lambda node: len(node.parents))

# --- topological_order | order_not_topological
def topological_order(end):
    """By the shortest way to the end."""
    depth, level = {end: 0}, [end]
    while level:
        nearer = []
        for node in level:
            for parent in node.parents:
                if parent not in depth:
                    depth[parent] = depth[node] + 1
                    nearer.append(parent)
        level = nearer
    return sorted(depth, key=depth.get, reverse=True)

# --- topological_order | nodes_left_out
def topological_order(end):
    return [node for node in _right_topological_order(end) if node.parents]

# --- topological_order | nodes_left_out
def topological_order(end):
    return _right_topological_order(end)[:-1]

# --- topological_order | nodes_left_out
def topological_order(end):
    order = [end]
    while order[-1].parents:
        order.append(order[-1].parents[0])
    return order[::-1]

# --- topological_order | nodes_left_out
def topological_order(end):
    """Counts a·a once and waits for it twice."""
    nodes, waiting = {end}, [end]
    children = {}
    while waiting:
        node = waiting.pop()
        for parent in set(node.parents):
            children.setdefault(parent, []).append(node)
            if parent not in nodes:
                nodes.add(parent)
                waiting.append(parent)
    missing = {node: len(node.parents) for node in nodes}
    ready = [node for node in nodes if not node.parents]
    order = []
    while ready:
        node = ready.pop()
        order.append(node)
        for child in children.get(node, []):
            missing[child] -= 1
            if missing[child] == 0:
                ready.append(child)
    return order

# --- topological_order | wrong | error
def topological_order(end):
    order, seen = [], set()

    def visit(node):
        if node in seen:
            return
        seen.add(node)
        for parent in node.parents:
            visit(parent)
        order.append(node)

    visit(end)
    return order

# --- topological_order | wrong | error
def topological_order(end):
    order, seen = [], set()

    def visit(node):
        if node in seen:
            return
        seen.add(node)
        for parent in node.parents:
            visit(parent)
        order.append(node)

    visit(end)

# --- topological_order | wrong
def topological_order(end, order=[]):
    todo = [(end, False)]
    while todo:
        node, done = todo.pop()
        if done:
            order.append(node)
        elif node not in order:
            todo.append((node, True))
            todo.extend((parent, False) for parent in node.parents if parent not in order)
    return list(dict.fromkeys(order))

# --- topological_order | right
def topological_order(end):
    """Iterative depth first with iterators."""
    order, seen, stack = [], {end}, [(end, iter(end.parents))]
    while stack:
        node, parents = stack[-1]
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                stack.append((parent, iter(parent.parents)))
                break
        else:
            order.append(node)
            stack.pop()
    return order

# --- topological_order | right
def topological_order(end):
    """Kahn's algorithm from the end, turned around; a tuple."""
    children, waiting, seen = {end: 0}, [end], {end}
    while waiting:
        for parent in waiting.pop().parents:
            children[parent] = children.get(parent, 0) + 1
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    order, ready = [], [end]
    while ready:
        node = ready.pop(0)
        order.append(node)
        for parent in node.parents:
            children[parent] -= 1
            if children[parent] == 0:
                ready.append(parent)
    return tuple(reversed(order))

# --- topological_order | right
def topological_order(end):
    """Kahn's algorithm from the leaves."""
    from collections import deque

    nodes, waiting, children = {end}, [end], {}
    while waiting:
        node = waiting.pop()
        for parent in node.parents:
            children.setdefault(parent, []).append(node)
            if parent not in nodes:
                nodes.add(parent)
                waiting.append(parent)
    missing = {node: len(node.parents) for node in nodes}
    ready, order = deque(node for node in nodes if not node.parents), []
    while ready:
        node = ready.popleft()
        order.append(node)
        for child in children.get(node, ()):
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return order

# --- topological_order | right
def topological_order(end):
    """By ids, with a dict as the list."""
    order, done, stack = {}, set(), [end]
    while stack:
        node = stack[-1]
        open_parents = [p for p in node.parents if id(p) not in done]
        if open_parents:
            stack.extend(open_parents)
        else:
            stack.pop()
            if id(node) not in done:
                done.add(id(node))
                order[id(node)] = node
    return list(order.values())

# --- topological_order | right
def topological_order(end):
    """Recursion with a generator for every node, run by a loop."""
    order, seen = [], set()

    def visit(node):
        seen.add(node)
        for parent in node.parents:
            if parent not in seen:
                yield visit(parent)
        order.append(node)

    running = [visit(end)]
    while running:
        following = next(running[-1], None)
        if following is None:
            running.pop()
        else:
            running.append(following)
    return order

# --- topological_order | right
def topological_order(end):
    """By the longest way to the end: a node moves back as long as somebody needs it earlier."""
    depth, waiting = {end: 0}, [end]
    counts = {}
    todo, seen = [end], {end}
    while todo:
        for p in todo.pop().parents:
            counts[p] = counts.get(p, 0) + 1
            if p not in seen:
                seen.add(p)
                todo.append(p)
    while waiting:
        node = waiting.pop()
        for p in node.parents:
            depth[p] = max(depth.get(p, 0), depth[node] + 1)
            counts[p] -= 1
            if counts[p] == 0:
                waiting.append(p)
    return sorted(depth, key=lambda node: -depth[node])

# --- backward | seed_forgotten
def backward(end):
    arrived = {}
    for node in reversed(topological_order(end)):
        upstream = arrived.get(node, torch.zeros_like(node.value))
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream * slope

# --- backward | seed_forgotten
def backward(end):
    arrived = {end: end.value}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream * slope

# --- backward | seed_everywhere
def backward(end):
    order = topological_order(end)
    arrived = {node: torch.ones_like(node.value) for node in order}
    for node in reversed(order):
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived[parent] + arrived[node] * slope

# --- backward | upstream_ignored
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + slope

# --- backward | slopes_added
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream + slope

# --- backward | slope_left_out
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent in node.parents:
            arrived[parent] = arrived.get(parent, 0) + upstream

# --- backward | slope_divided
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream / slope

# --- backward | accumulation_missed
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream * slope

# --- backward | accumulation_missed
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = upstream * slope

# --- backward | accumulation_missed
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        if not node.parents:
            node.grad = arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived[node] * slope

# --- backward | accumulation_missed
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            arrived.setdefault(parent, arrived[node] * slope)

# --- backward | accumulation_missed
def backward(end):
    """Adds on the way, and overwrites at leaves."""
    arrived = {end: torch.ones_like(end.value)}
    if not end.parents:
        end.grad = arrived[end]
    for node in reversed(topological_order(end)):
        for parent, slope in zip(node.parents, node.slopes):
            part = arrived[node] * slope
            if parent.parents:
                arrived[parent] = arrived.get(parent, 0) + part
            else:
                parent.grad = part

# --- backward | interior_grads_kept
def backward(end):
    end.grad = torch.ones_like(end.value)
    for node in reversed(topological_order(end)):
        for parent, slope in zip(node.parents, node.slopes):
            part = node.grad * slope
            parent.grad = part if parent.grad is None else parent.grad + part

# --- backward | interior_grads_kept
def backward(end):
    one = torch.ones_like(end.value)
    end.grad = one if end.grad is None else end.grad + one
    for node in reversed(topological_order(end)):
        for parent, slope in zip(node.parents, node.slopes):
            part = node.grad * slope
            parent.grad = part if parent.grad is None else parent.grad + part

# --- backward | interior_grads_kept
def backward(end, arrived={}):
    arrived[end] = torch.ones_like(end.value)
    for node in reversed(topological_order(end)):
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope

# --- backward | interior_grads_kept
def backward(end):
    """Right numbers, and every node keeps them."""
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope

# --- backward | interior_grads_kept
def backward(end):
    """Zeroed at the beginning, on the inner nodes only."""
    order = topological_order(end)
    for node in order:
        if node.parents or node.grad is None:
            node.grad = torch.zeros_like(node.value)
    if not end.parents:
        end.grad = end.grad + 1
        return
    end.grad = torch.ones_like(end.value)
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes):
            parent.grad = parent.grad + node.grad * slope

# --- backward | accumulation_missed + interior_grads_kept
def backward(end):
    """The first line of many tutorials: every grad to zero."""
    order = topological_order(end)
    for node in order:
        node.grad = torch.zeros_like(node.value)
    end.grad = torch.ones_like(end.value)
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes):
            parent.grad = parent.grad + node.grad * slope

# --- backward | same_parent_once
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in dict(zip(node.parents, node.slopes)).items():
            arrived[parent] = arrived.get(parent, 0) + upstream * slope

# --- backward | end_is_leaf_missed
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        for parent, slope in zip(node.parents, node.slopes):
            part = arrived[node] * slope
            if parent.parents:
                arrived[parent] = arrived.get(parent, 0) + part
            else:
                parent.grad = part if parent.grad is None else parent.grad + part

# --- backward | order_not_topological
def backward(end):
    arrived = {}
    arrived[end] = torch.ones_like(end.value)
    for node in topological_order(end):
        upstream = arrived.get(node, torch.zeros_like(node.value))
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream * slope
    for node in topological_order(end):
        if not node.parents:
            total = arrived.get(node, torch.zeros_like(node.value))
            node.grad = total if node.grad is None else node.grad + total

# --- backward | order_not_topological | error
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in topological_order(end):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream * slope

# --- backward | order_not_topological
def backward(end):
    """Breadth first, each node once."""
    arrived, queue, seen = {end: torch.ones_like(end.value)}, [end], {end}
    while queue:
        node = queue.pop(0)
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
    for node in seen:
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]

# --- backward | order_not_topological
def backward(end):
    """Breadth first, leaves written when it is their turn."""
    arrived, queue, seen = {end: torch.ones_like(end.value)}, [end], {end}
    while queue:
        node = queue.pop(0)
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)

# --- backward | order_not_topological
def backward(end):
    """A stack, each node once."""
    arrived, stack, seen = {end: torch.ones_like(end.value)}, [end], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope
            stack.append(parent)
    for node in seen:
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]

# --- backward | order_not_topological | error
def backward(end):
    """Calls itself, each node once."""
    arrived, seen = {end: torch.ones_like(end.value)}, set()

    def visit(node):
        seen.add(node)
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope
        for parent in node.parents:
            if parent not in seen:
                visit(parent)

    visit(end)
    for node in seen:
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]

# --- backward | visited_twice
def backward(end):
    """Calls itself at every arrival, with all that has arrived."""
    arrived = {end: torch.ones_like(end.value)}

    def visit(node):
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope
            visit(parent)

    visit(end)
    for node in arrived:
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]

# --- backward | visited_twice
def backward(end):
    arrived, queue = {end: torch.ones_like(end.value)}, [end]
    while queue:
        node = queue.pop(0)
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope
            queue.append(parent)
    for node in arrived:
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]

# --- backward | visited_twice | error
def backward(end):
    """Right, one path after the other."""
    paths = [(end, torch.ones_like(end.value))]
    while paths:
        node, product = paths.pop()
        if not node.parents:
            node.grad = product if node.grad is None else node.grad + product
        paths.extend((p, product * s) for p, s in zip(node.parents, node.slopes))

# --- backward | visited_twice | error
def backward(end):
    """Right, one path after the other, calling itself."""

    def visit(node, product):
        if not node.parents:
            node.grad = product if node.grad is None else node.grad + product
        for parent, slope in zip(node.parents, node.slopes):
            visit(parent, product * slope)

    visit(end, torch.ones_like(end.value))

# --- backward | wrong | error
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope
    return {node: arrived[node] for node in arrived if not node.parents}

# --- backward | wrong | error
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad += upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream * slope

# --- backward | wrong | error
def backward(end):
    """Multiplies into the slopes."""
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + slope.mul_(upstream)

# --- backward | wrong
def backward(end):
    """Remembers what it has seen on the nodes, for ever."""
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        if getattr(node, "done", False):
            continue
        node.done = True
        upstream = arrived[node]
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) + upstream * slope

# --- backward | wrong
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        upstream = arrived.pop(node)
        if not node.parents:
            node.grad = upstream if node.grad is None else node.grad + upstream
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] = arrived.get(parent, 0) - upstream * slope

# --- backward | right
def backward(end):
    """In place, in tensors of its own."""
    sums = {}
    for node in topological_order(end)[::-1]:
        total = sums.setdefault(node, torch.ones_like(node.value))
        for parent, slope in zip(node.parents, node.slopes):
            if parent not in sums:
                sums[parent] = torch.zeros_like(parent.value)
            sums[parent] += total * slope
        if not node.parents:
            if node.grad is None:
                node.grad = torch.zeros_like(node.value)
            node.grad += total

# --- backward | right
def backward(end):
    """On the nodes, and taken away at last."""
    order = topological_order(end)
    before = {node: node.grad for node in order}
    for node in order:
        node.grad = torch.zeros_like(node.value)
    end.grad = torch.ones_like(end.value)
    for node in order[::-1]:
        for parent, slope in zip(node.parents, node.slopes):
            parent.grad = parent.grad + slope * node.grad
    for node in order:
        if node.parents:
            node.grad = None
        elif before[node] is not None:
            node.grad = node.grad + before[node]

# --- backward | right
def backward(end):
    """Without an order: a node's turn comes when all its children have handed on."""
    waits, todo, seen = {}, [end], {end}
    while todo:
        for parent in todo.pop().parents:
            waits[parent] = waits.get(parent, 0) + 1
            if parent not in seen:
                seen.add(parent)
                todo.append(parent)
    sums, ready = {end: torch.ones_like(end.value)}, [end]
    while ready:
        node = ready.pop()
        if len(node.parents) == 0:
            node.grad = sums[node] if node.grad is None else sums[node] + node.grad
        for i in range(len(node.parents)):
            parent = node.parents[i]
            sums[parent] = sums.get(parent, 0) + sums[node] * node.slopes[i]
            waits[parent] -= 1
            if waits[parent] == 0:
                ready.append(parent)

# --- backward | right
def backward(end):
    """From the parents' side: everyone collects from its children."""
    order = topological_order(end)
    children = {node: [] for node in order}
    for node in order:
        for parent, slope in zip(node.parents, node.slopes):
            children[parent].append((node, slope))
    grads = {}
    for node in reversed(order):
        if node is end:
            grads[node] = torch.ones_like(node.value)
        else:
            grads[node] = sum(grads[child] * slope for child, slope in children[node])
    for node in order:
        if not node.parents:
            node.grad = grads[node] if node.grad is None else node.grad + grads[node]

# --- backward | right
def backward(end):
    """Indices and one tensor for all."""
    order = topological_order(end)
    place = {id(node): i for i, node in enumerate(order)}
    sums = [None] * len(order)
    sums[-1] = torch.tensor(1.0, dtype=end.value.dtype, device=end.value.device)
    for i in range(len(order) - 1, -1, -1):
        for parent, slope in zip(order[i].parents, order[i].slopes):
            j = place[id(parent)]
            sums[j] = sums[i] * slope if sums[j] is None else sums[j] + sums[i] * slope
    for node, total in zip(order, sums):
        if not node.parents:
            node.grad = total if node.grad is None else node.grad + total

# --- backward | right
def backward(end):
    from collections import defaultdict

    arrived = defaultdict(float)
    arrived[end] = torch.ones_like(end.value)
    for node in reversed(topological_order(end)):
        for k, parent in enumerate(node.parents):
            arrived[parent] += arrived[node] * node.slopes[k]
    for node, total in arrived.items():
        if len(node.parents) == 0:
            node.grad = total + (node.grad if node.grad is not None else 0)

# --- net_gradients | crossed_wiring
def net_gradients(x, y, w):
    crossed = w[[0, 2, 1, 3, 4, 6, 5, 7]]
    loss, weights = net_loss(x, y, crossed)
    backward(loss)
    return torch.stack([weights[i].grad for i in (0, 2, 1, 3, 4, 6, 5, 7)])

# --- net_gradients | order_swapped
def net_gradients(x, y, w):
    loss, weights = net_loss(x, y, w)
    backward(loss)
    return torch.stack([weight.grad for weight in weights[4:] + weights[:4]])

# --- net_gradients | sign_flipped
def net_gradients(x, y, w):
    loss, weights = net_loss(x, y, w)
    backward(loss)
    return -torch.stack([weight.grad for weight in weights])

# --- net_gradients | extra_factor_2
def net_gradients(x, y, w):
    loss, weights = net_loss(x, y, w)
    backward(loss)
    backward(loss)
    return torch.stack([weight.grad for weight in weights])

# --- net_gradients | target_ignored
def net_gradients(x, y, w):
    loss, weights = net_loss(x, torch.zeros_like(y), w)
    backward(loss)
    return torch.stack([weight.grad for weight in weights])

# --- net_gradients | graph_cut
def net_gradients(x, y, w):
    weights = w1, w2, w3, w4, w5, w6, w7, w8 = [Node(value) for value in w]
    x1, x2 = map(Node, x)
    h1 = Node(sigmoid(add(multiply(w1, x1), multiply(w3, x2))).value)
    h2 = Node(sigmoid(add(multiply(w2, x1), multiply(w4, x2))).value)
    o1 = sigmoid(add(multiply(w5, h1), multiply(w7, h2)))
    o2 = sigmoid(add(multiply(w6, h1), multiply(w8, h2)))
    r1, r2 = add(o1, Node(-y[0])), add(o2, Node(-y[1]))
    backward(multiply(Node(torch.full_like(y[0], 0.5)), add(power(r1, 2), power(r2, 2))))
    return torch.stack([torch.zeros_like(n.value) if n.grad is None else n.grad for n in weights])

# --- net_gradients | wrong | error
def net_gradients(x, y, w):
    loss, weights = net_loss(x, y, w)
    return torch.stack([weight.grad for weight in weights])

# --- net_gradients | wrong | wrong_method
def net_gradients(x, y, w):
    leaf = w.detach().clone().requires_grad_()
    first, second = leaf[:4].view(2, 2), leaf[4:].view(2, 2)
    o = torch.sigmoid(torch.sigmoid(x @ first) @ second)
    loss = (0.5 * (o - y) ** 2).sum()
    loss.backward()
    return leaf.grad

# --- net_gradients | right
def net_gradients(x, y, w):
    nodes = [Node(value) for value in w]
    data = [Node(value) for value in x]

    def unit(weights, inputs):
        first, second = (multiply(a, b) for a, b in zip(weights, inputs))
        return sigmoid(add(first, second))

    h = [unit((nodes[j], nodes[j + 2]), data) for j in range(2)]
    o = [unit((nodes[j + 4], nodes[j + 6]), h) for j in range(2)]
    minus, half = Node(-torch.ones_like(y[0])), Node(torch.ones_like(y[0]) / 2)
    parts = []
    for unit_, target in zip(o, y):
        residual = add(unit_, multiply(minus, Node(target)))
        parts.append(multiply(half, multiply(residual, residual)))
    backward(add(*parts))
    return torch.stack([node.grad for node in nodes])

# --- net_gradients | right
def net_gradients(x, y, w):
    """With an operation of its own."""

    def half_square(a):
        return Node(a.value**2 / 2, (a,), (a.value,))

    w = [Node(value) for value in w]
    x = [Node(value) for value in x]
    h = [sigmoid(add(multiply(w[j], x[0]), multiply(w[j + 2], x[1]))) for j in range(2)]
    o = [sigmoid(add(multiply(w[j + 4], h[0]), multiply(w[j + 6], h[1]))) for j in range(2)]
    r = [add(unit, Node(-target)) for unit, target in zip(o, y)]
    backward(add(half_square(r[0]), half_square(r[1])))
    return torch.stack([node.grad for node in w])

# --- net_gradients | right
def net_gradients(x, y, w):
    """One half of the loss after the other: leaves add up."""
    loss, weights = net_loss(x, y, w)
    half, squares = loss.parents
    for square in squares.parents:
        backward(multiply(half, square))
    return torch.stack([weight.grad for weight in weights])

# --- train | not_zeroed
def train(x, y, w, step, rounds):
    losses, total = [], torch.zeros_like(w)
    for _ in range(rounds):
        loss, weights = net_loss(x, y, w)
        losses.append(loss.value)
        backward(loss)
        total = total + torch.stack([weight.grad for weight in weights])
        w = w - step * total
    return w, torch.stack(losses)

# --- train | ascent
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(net_loss(x, y, w)[0].value)
        w = w + step * net_gradients(x, y, w)
    return w, torch.stack(losses)

# --- train | off_by_one_epoch | error
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds - 1):
        losses.append(net_loss(x, y, w)[0].value)
        w = w - step * net_gradients(x, y, w)
    return w, torch.stack(losses)

# --- train | loss_after_update
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        w = w - step * net_gradients(x, y, w)
        losses.append(net_loss(x, y, w)[0].value)
    return w, torch.stack(losses)

# --- train | stale_gradient
def train(x, y, w, step, rounds):
    losses, gradient = [], net_gradients(x, y, w)
    for _ in range(rounds):
        losses.append(net_loss(x, y, w)[0].value)
        w = w - step * gradient
    return w, torch.stack(losses)

# --- train | lr_ignored
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(net_loss(x, y, w)[0].value)
        w = w - net_gradients(x, y, w)
    return w, torch.stack(losses)

# --- train | wrong | error
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(net_loss(x, y, w)[0])
        w = w - step * net_gradients(x, y, w)
    return w, torch.stack(losses)

# --- train | wrong
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        losses.append(net_loss(x, y, w)[0].value)
        w -= step * net_gradients(x, y, w)
    return w, torch.stack(losses)

# --- train | right
def train(x, y, w, step, rounds):
    """One graph of leaves that stay, with gradients cleared."""
    w, losses = w.clone(), w.new_zeros(rounds)
    for k in range(rounds):
        losses[k] = net_loss(x, y, w)[0].value
        w = w - step * net_gradients(x, y, w)
    return [w, losses]

# --- train | right
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        loss, weights = net_loss(x, y, w)
        losses.append(loss.value)
        backward(loss)
        w = torch.stack([node.value - step * node.grad for node in weights])
    return w, torch.stack(losses)

# --- backward | wrong | error
def backward(end):
    # Nothing to add the first share to: the KeyError is not one of the order.
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            arrived[parent] += arrived[node] * slope

# --- backward | wrong | error
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        for parent in node.parents:
            arrived[parent] = arrived[node] * parent.slope

# --- backward | wrong | error
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent, slope in zip(node.parents, node.slopes):
            slope *= arrived[node]
            arrived[parent] = arrived.get(parent, 0) + slope

# --- backward | slope_of_first_place
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent in node.parents:
            slope = node.slopes[node.parents.index(parent)]
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope

# --- backward | same_parent_once
def backward(end):
    arrived = {end: torch.ones_like(end.value)}
    for node in reversed(topological_order(end)):
        if not node.parents:
            node.grad = arrived[node] if node.grad is None else node.grad + arrived[node]
        for parent in set(node.parents):
            slope = node.slopes[node.parents.index(parent)]
            arrived[parent] = arrived.get(parent, 0) + arrived[node] * slope

# --- net_gradients | wrong | error
def net_gradients(x, y, w):
    # Lesson 4's formula once more, and no engine.
    h = torch.sigmoid(torch.stack([w[0] * x[0] + w[2] * x[1], w[1] * x[0] + w[3] * x[1]]))
    o = torch.sigmoid(torch.stack([w[4] * h[0] + w[6] * h[1], w[5] * h[0] + w[7] * h[1]]))
    at_o = (o - y) * o * (1 - o)
    at_h = torch.stack([at_o @ w[4:6], at_o @ w[6:8]]) * h * (1 - h)
    return torch.cat([torch.outer(x, at_h).flatten(), torch.outer(h, at_o).flatten()])

# --- train | wrong
def train(x, y, w, step, rounds):
    losses = []
    for _ in range(rounds):
        loss, weights = net_loss(x, y, w)
        losses.append(loss.value)
        backward(loss)
        w = w - step * torch.stack([n.grad for n in weights])
        if losses[-1] < 0.01: break
    losses += [losses[-1]] * (rounds - len(losses))
    return w, torch.stack(losses)
